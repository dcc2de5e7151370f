/** The ladders that are kept: a folder for each, below the configured one, named relative to it so that state can be moved. */
import { mkdir, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CreativeRecord } from "./creative-record.ts";
import type { CrsConfig } from "./crs-config.ts";
import type { Encoding } from "./encoding.ts";

/** No two turns share it: leases begin anew with a row that is made after the one before was forgotten. */
export function nameTurn({ key, lease, createdAt }: CreativeRecord): string {
  return `${key}-${createdAt.getTime().toString(36)}-${lease}`;
}

/** A row's encoding, with its folder on this machine. */
export function resolveEncoding(encoding: Encoding, config: CrsConfig): Encoding {
  return { ...encoding, folder: join(config.encodingDir, encoding.folder) };
}

/** The stored ladder; undefined where there is none, or a file of it is not on this machine. */
export async function findStored({ encoding }: CreativeRecord, config: CrsConfig): Promise<Encoding | undefined> {
  if (encoding === undefined) return undefined;
  const resolved = resolveEncoding(encoding, config);
  const files = [...resolved.renditions.map(({ name }) => `${name}.mp4`), "audio.aac"];
  const sizes = await Promise.all(files.map((file) => stat(join(resolved.folder, file)).catch(() => undefined)));
  if (sizes.includes(undefined)) return undefined;
  const now = new Date();
  // By this the ones that nobody uses are known when room is needed.
  await utimes(resolved.folder, now, now);
  return resolved;
}

/** Moves a fresh encoding to where it stays; as the row is to name it. */
export async function storeEncoding(encoding: Encoding, record: CreativeRecord, config: CrsConfig): Promise<Encoding> {
  const folder = join(record.zone, nameTurn(record));
  const kept = join(config.encodingDir, folder);
  await mkdir(dirname(kept), { recursive: true });
  await rm(kept, { recursive: true, force: true });
  await rename(encoding.folder, kept);
  return { ...encoding, folder };
}

/** Removes a row's encoding from this machine. */
export async function removeEncoding(encoding: Encoding | undefined, config: CrsConfig): Promise<void> {
  if (encoding) await rm(join(config.encodingDir, encoding.folder), { recursive: true, force: true });
}
