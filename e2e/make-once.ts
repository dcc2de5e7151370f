/** Media of the specs are made once on a machine: by the first who asks, and the others wait for him. */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "../demo/lock.ts";

const HOME = join(import.meta.dirname, "../.interlude");

/**
 * The folder `name-version` of all that `make` puts into the folder that it gets. Another version makes it anew.
 *
 * @throws whatever `make` throws: nothing is kept, and the next who asks tries again
 */
export async function makeOnce(
  name: string,
  version: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(HOME, `${name}-${version}`);
  await withLock(join(HOME, `${name}.lock`), new AbortController().signal, async () => {
    if (await readFile(join(folder, "whole"), "utf8").catch(() => undefined)) return;
    const work = `${folder}.work`;
    await rm(work, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
    await mkdir(work, { recursive: true });
    await make(work);
    await writeFile(join(work, "whole"), version);
    await rename(work, folder);
  });
  return folder;
}
