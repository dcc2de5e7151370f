/** A folder as the origin of a CDN: what is put there, `routes.ts` serves. */
import { randomUUID } from "node:crypto";
import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Has the shape of CRS's PublishTarget; cache headers are the server's business here, by path. */
export interface DirectoryStore {
  readonly name: string;
  /** Atomic: written beside, then renamed. @throws when the path would leave the folder */
  put(path: string, body: string | { readonly file: string }): Promise<void>;
  removePrefix(prefix: string): Promise<void>;
}

/** Parts of a path that an object may have: no `..`, nothing hidden, nothing empty. */
const PART = /^[\w-][\w.-]*$/;

/** @param directory made where missing, when something is put there */
export function directoryStore(name: string, directory: string): DirectoryStore {
  return {
    name,
    put: async (path, body) => {
      const file = resolveInside(directory, path);
      const folder = dirname(file);
      await mkdir(folder, { recursive: true });
      const beside = join(folder, `.${randomUUID()}.tmp`);
      try {
        if (typeof body === "string") await writeFile(beside, body);
        else await copyFile(body.file, beside);
        await rename(beside, file);
      } catch (error) {
        await rm(beside, { force: true });
        throw error;
      }
    },
    removePrefix: async (prefix) => {
      const file = resolveInside(directory, prefix);
      const start = basename(file);
      const entries = await readdir(dirname(file)).catch(() => []);
      const own = entries.filter((entry) => entry.startsWith(start));
      // Masters first: a probe must not hit what is about to lose its media.
      for (const entry of own.toSorted((a, b) => Number(b.endsWith(".m3u8")) - Number(a.endsWith(".m3u8")))) {
        await rm(join(dirname(file), entry), { recursive: true, force: true });
      }
    },
  };
}

function resolveInside(directory: string, path: string): string {
  const parts = path.split("/");
  if (!parts.every((part) => PART.test(part))) {
    throw new Error(`path ${JSON.stringify(path)}: expected parts of letters, digits, _, - and ., got another`);
  }
  return join(directory, ...parts);
}
