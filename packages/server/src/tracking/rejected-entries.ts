/** Entries that do not get into the database are kept beside the journals, in their form, for whoever finds out why. */
import { appendFile, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Rejection } from "./told-rejections.ts";

/** Of a file's name: one that is loaded and rejected again and again would grow beyond what a disk takes. */
const MAX_NAME = 200;

/** Appends the lines to a file of their segment's name below `root`. */
export async function keepRejected(root: string, { segment, lines }: Rejection): Promise<void> {
  const folder = join(root, FOLDER);
  await mkdir(folder, { recursive: true });
  const name = segment.id.replaceAll("/", "-").replace(/\.journal$/, "");
  await appendFile(join(folder, `${name.slice(-MAX_NAME)}.journal`), lines.join(""));
}

/** Removes files that nothing was added to since `before`. */
export async function removeOldRejected(root: string, before: Date): Promise<void> {
  const folder = join(root, FOLDER);
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    if ((await stat(path)).mtimeMs < before.getTime()) await rm(path, { force: true });
  }
}

const FOLDER = "rejected";
