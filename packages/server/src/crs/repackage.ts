/**
 * The repackaging of one creative, once a worker has it in hand.
 *
 *   1 download the file                      → fetching
 *   2 tell what it is, and whether it may be encoded
 *   3 encode every rendition once            → transcoding   (1-3 are left out where the encoding is stored)
 *   4 cut the packages that are wanted       → publishing
 *   5 bring each to every CDN, master last
 *
 * @see Primetime JIT workflows, step 4 (manifest server) and step 5 (client): CRS transcodes and uploads (primetime.md §3.2, §3.3)
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cutEncoding } from "./cut.ts";
import type { CutPackage } from "./cut-package.ts";
import type { PackageRecord } from "./creative-store.ts";
import { encodeSource, type MediaTools, probeSource } from "./encode.ts";
import type { Encoding } from "./encoding.ts";
import type { FetchedSource } from "./fetch-source.ts";

export interface RepackagePorts {
  readonly tools: MediaTools;
  /** Brings the creative's media to a folder. */
  readonly fetchSource: (folder: string, onProgress: (share: number) => void) => Promise<FetchedSource>;
  /** Tells the phase that begins. Throws when the creative is no longer this worker's. */
  readonly enter: (phase: "transcode" | "publish") => Promise<void>;
  /** 0 to 1, over all phases. */
  readonly onProgress: (progress: number) => void;
  /** Moves a fresh encoding out of the work folder to where it stays; returns it with its new folder. */
  readonly keepEncoding: (encoding: Encoding) => Promise<Encoding>;
  /** The packages that are wanted and not on every CDN yet, and were not published before in this run. */
  readonly nextPackage: () => Promise<PackageRecord | undefined>;
  /** Brings a package to the CDNs; returns when enough of them have it. Throws when none took it. */
  readonly publish: (
    wanted: PackageRecord,
    encoding: Encoding,
    cut: CutPackage,
    onProgress: (share: number) => void,
  ) => Promise<void>;
}

/** Where each phase begins on the way from 0 to 1. */
const TRANSCODING = 0.05;
const PUBLISHING = 0.92;

/**
 * @param folder empty, private, removed by the caller afterwards
 * @param stored an encoding that is there already
 * @throws RepackageFailure; the signal's reason; whatever a port throws
 */
export async function repackage(
  folder: string,
  stored: Encoding | undefined,
  ports: RepackagePorts,
  signal: AbortSignal,
): Promise<void> {
  const encoding = stored ?? (await makeEncoding(folder, ports, signal));
  await ports.enter("publish");
  ports.onProgress(PUBLISHING);
  for (let wanted = await ports.nextPackage(); wanted; wanted = await ports.nextPackage()) {
    const cutFolder = join(folder, `${wanted.packaging}-${wanted.targetDuration}`);
    const cut = await cutEncoding(encoding, wanted, cutFolder, {}, ports.tools, signal);
    const onProgress = (share: number): void => ports.onProgress(PUBLISHING + share * (1 - PUBLISHING));
    await ports.publish(wanted, encoding, cut, onProgress);
  }
}

async function makeEncoding(folder: string, ports: RepackagePorts, signal: AbortSignal): Promise<Encoding> {
  const fetched = join(folder, "source");
  await mkdir(fetched);
  const files = await ports.fetchSource(fetched, (share) => ports.onProgress(share * TRANSCODING));
  const source = await probeSource(files, ports.tools, signal);
  await ports.enter("transcode");
  const onProgress = (share: number): void => ports.onProgress(TRANSCODING + share * (PUBLISHING - TRANSCODING));
  const encoding = await encodeSource(source, join(folder, "encoding"), ports.tools, signal, onProgress);
  return ports.keepEncoding(encoding);
}
