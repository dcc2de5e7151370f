/**
 * The repackaging of one creative, once a worker has it in hand.
 *
 *   1 fetch the source, a file or the best variant of an HLS creative     → fetching
 *   2 tell what it is, and whether it may be encoded                      → transcoding
 *   3 first layer: remux it where that can be, else encode the cheapest useful rendition; sound in any case
 *   4 cut and publish that: the creative is playable
 *   5 encode the ladder, each rendition once                              (1-5 are left out where the ladder is stored)
 *   6 cut the packages that are wanted, bring each to every CDN, master last: it replaces the first layer's   → publishing
 *
 * @see Primetime JIT workflows, step 4 (manifest server) and step 5 (client): CRS transcodes and uploads (primetime.md §3.2, §3.3)
 */
import { join } from "node:path";
import type { PackageRecord } from "./creative-record.ts";
import type { CutPackage } from "./cut-package.ts";
import { cutEncoding } from "./cut.ts";
import { encodeSource, type MediaTools, probeSource } from "./encode.ts";
import type { Encoding } from "./encoding.ts";
import type { FetchedSource } from "./fetch-source.ts";
import type { FrameRate } from "./frame-rate.ts";
import type { Layer } from "./package-store.ts";
import { RepackageFailure } from "./repackage-failure.ts";

export interface RepackagePorts {
  readonly tools: MediaTools;
  /** h1, for timed metadata. */
  readonly creativeKey: string;
  /** Brings the source to the work folder. */
  readonly fetchSource: (onProgress: (share: number) => void) => Promise<FetchedSource>;
  /** Tells the phase that begins. Throws when the creative is no longer this worker's. */
  readonly enter: (phase: "transcode" | "publish") => Promise<void>;
  /** 0 to 1, over all phases. */
  readonly onProgress: (progress: number) => void;
  /** Moves a fresh encoding out of the work folder to where it stays; returns it with its new folder. */
  readonly keepEncoding: (encoding: Encoding) => Promise<Encoding>;
  /** A package that is wanted, lacks the layer on some CDN and was not tried for it before in this run. */
  readonly nextPackage: (layer: Layer) => Promise<WantedPackage | undefined>;
  /** Where a remux goes that cannot keep the wanted target duration; undefined: there already, or nobody wants it any more. */
  readonly openRemux: (wanted: PackageRecord) => Promise<PackageRecord | undefined>;
  /** Brings a package to the CDNs; returns when enough of them have it. Throws when none took it. */
  readonly publish: (order: PublishOrder) => Promise<void>;
  /** Takes the master of such a remux away; its media stays. */
  readonly withdrawRemux: () => Promise<void>;
  /** Tells of a first layer that came to nothing: the ladder is made all the same. */
  readonly onFirstLayerFailure: (error: RepackageFailure) => void;
}

export interface WantedPackage {
  readonly wanted: PackageRecord;
  /** Whether it carries timed metadata. */
  readonly id3: boolean;
}

export interface PublishOrder extends WantedPackage {
  readonly layer: Layer;
  readonly cut: CutPackage;
  readonly frameRate: FrameRate;
  /** 0 to 1, of the CDN that is furthest. */
  readonly onProgress?: (share: number) => void;
}

/** Where each phase begins on the way from 0 to 1. */
const TRANSCODING = 0.05;
const PUBLISHING = 0.92;

/**
 * @param folder empty, private, removed by the caller afterwards
 * @param found a ladder that is stored, or a source that was fetched into the folder already
 * @throws RepackageFailure; the signal's reason; whatever a port throws
 */
export async function repackage(
  folder: string,
  found: { readonly stored?: Encoding | undefined; readonly fetched?: FetchedSource | undefined },
  ports: RepackagePorts,
  signal: AbortSignal,
): Promise<void> {
  const ladder = found.stored ?? (await makeLadder(folder, found.fetched, ports, signal));
  await ports.enter("publish");
  const onProgress = (share: number): void => ports.onProgress(PUBLISHING + share * (1 - PUBLISHING));
  onProgress(0);
  await publishAll(ladder, folder, { ...ports, publish: (order) => ports.publish({ ...order, onProgress }) }, signal);
  await ports.withdrawRemux();
}

async function makeLadder(
  folder: string,
  before: FetchedSource | undefined,
  ports: RepackagePorts,
  signal: AbortSignal,
): Promise<Encoding> {
  const fetched = before ?? (await ports.fetchSource((share) => ports.onProgress(share * TRANSCODING)));
  const source = await probeSource(fetched, ports.tools, signal);
  await ports.enter("transcode");
  const onProgress = (share: number): void => ports.onProgress(TRANSCODING + share * (PUBLISHING - TRANSCODING));
  const encoding = await encodeSource(source, join(folder, "encoding"), ports.tools, signal, onProgress);
  return ports.keepEncoding(encoding);
}

async function publishAll(
  encoding: Encoding,
  folder: string,
  ports: RepackagePorts,
  signal: AbortSignal,
): Promise<void> {
  for (let next = await ports.nextPackage("ladder"); next; next = await ports.nextPackage("ladder")) {
    await publishPackage(encoding, { ...next, layer: "ladder" }, folder, ports, signal);
  }
}

async function publishPackage(
  encoding: Encoding,
  { wanted, id3, layer }: WantedPackage & { readonly layer: Layer },
  folder: string,
  ports: RepackagePorts,
  signal: AbortSignal,
): Promise<void> {
  const { packaging, targetDuration } = wanted;
  const cutFolder = join(folder, [layer, packaging, targetDuration, ...(id3 ? ["id3"] : [])].join("-"));
  const options = id3 ? { id3: { creativeKey: ports.creativeKey } } : {};
  const cut = await cutEncoding(encoding, { packaging, targetDuration }, cutFolder, options, ports.tools, signal);
  await ports.publish({ wanted, id3, layer, cut, frameRate: encoding.frameRate });
}
