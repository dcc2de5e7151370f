/** A folder as the origin of a CDN: what is put there, `routes.ts` serves. */
import { randomUUID } from "node:crypto";
import { copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ObjectBody, splitObjectPath } from "../object-store.ts";

/** Has the shape of CRS's PublishTarget; cache headers are the server's business here, by path. */
export interface DirectoryStore {
  readonly name: string;
  /** Atomic: written beside, then renamed. @throws when the path would leave the folder */
  put(path: string, body: ObjectBody, options?: { readonly signal?: AbortSignal }): Promise<void>;
  remove(path: string): Promise<void>;
  removeFolder(path: string): Promise<void>;
}

/** @param directory made where missing, when something is put there */
export function directoryStore(name: string, directory: string): DirectoryStore {
  return {
    name,
    put: async (path, body, { signal } = {}) => {
      signal?.throwIfAborted();
      const file = resolveInside(directory, path);
      const folder = dirname(file);
      await mkdir(folder, { recursive: true });
      const beside = join(folder, `.${randomUUID()}.tmp`);
      try {
        if (typeof body === "string") await writeFile(beside, body);
        else await copyFile(body.file, beside);
        signal?.throwIfAborted();
        await rename(beside, file);
      } catch (error) {
        await rm(beside, { force: true });
        throw error;
      }
    },
    remove: async (path) => rm(resolveInside(directory, path), { force: true }),
    removeFolder: async (path) => rm(resolveInside(directory, path), { recursive: true, force: true }),
  };
}

function resolveInside(directory: string, path: string): string {
  return join(directory, ...splitObjectPath(path));
}
