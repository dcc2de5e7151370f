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
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { PackageRecord } from "./creative-record.ts";
import type { CutPackage } from "./cut-package.ts";
import { cutEncoding } from "./cut.ts";
import { fitsTargetDuration } from "./cut-times.ts";
import { encodeRungs, mergeEncodings, planRungs, probeSource } from "./encode.ts";
import type { Encoding } from "./encoding.ts";
import type { FetchedSource } from "./fetch-source.ts";
import { makeRemux, planRemux } from "./first-layer.ts";
import type { FrameRate } from "./frame-rate.ts";
import { selectFirstRung } from "./ladder.ts";
import type { Loudness } from "./loudness.ts";
import type { MediaTools } from "./media-tools.ts";
import type { Layer } from "./package-store.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import { makeSound, measureSound } from "./sound.ts";
import type { Source } from "./source.ts";
import { together } from "./together.ts";

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
  readonly onFirstLayerFailure: (error: unknown) => void;
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
const LADDER = 0.15;
const PUBLISHING = 0.92;

/** How often it is looked whether another package of what plays already is wanted. */
const LOOK_MS = 1000;

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
  const { tools } = ports;
  const fetched = before ?? (await ports.fetchSource((share) => ports.onProgress(share * TRANSCODING)));
  const [source, loudness] = await together(
    signal,
    (end) => probeSource(fetched, tools, end),
    (end) => measureSound(fetched, tools, end),
  );
  await ports.enter("transcode");
  const encodings = join(folder, "encoding");
  const first = await makeFirstLayer(source, loudness, encodings, folder, ports, signal);
  const made = first.keyTimes === undefined ? first : undefined;

  const rungs = planRungs(source, tools).filter(({ name }) => !made?.renditions.some((one) => one.name === name));
  const onProgress = (share: number): void => ports.onProgress(LADDER + share * (PUBLISHING - LADDER));
  const isDone = new AbortController();
  const encodeRest = async (end: AbortSignal): Promise<Encoding> => {
    try {
      return await encodeRungs(source, rungs, encodings, tools, end, onProgress);
    } finally {
      isDone.abort();
    }
  };
  // Both have ended then: nothing may be cut from a folder that is about to move.
  const [rest] = await together(signal, encodeRest, (end) =>
    keepPublishing(first, folder, ports, AbortSignal.any([end, isDone.signal])),
  );
  if (made) return ports.keepEncoding(mergeEncodings(made, rest));
  for (const { name } of first.renditions) await rm(join(encodings, `${name}.mp4`));
  return ports.keepEncoding(rest);
}

/** Something that plays, and is on a CDN when this returns, unless every CDN refused it. */
async function makeFirstLayer(
  source: Source,
  loudness: Loudness | undefined,
  encodings: string,
  folder: string,
  ports: RepackagePorts,
  signal: AbortSignal,
): Promise<Encoding> {
  const [first] = await together(
    signal,
    async (end) =>
      (await makeRemuxOrNone(source, encodings, ports, end)) ?? (await encodeFirstRung(source, encodings, ports, end)),
    (end) => makeSound(source, encodings, ports.tools, end, loudness),
  );
  const fault = await publishFirst(first, folder, ports, signal).catch((error: unknown) => error);
  if (fault === undefined) return first;
  noteFirstLayerFailure(fault, ports);
  // CDNs that are down now may be up when the ladder is made. What cannot be cut may still be encoded.
  if (first.keyTimes === undefined || isPublishFailure(fault)) return first;
  for (const { name } of first.renditions) await rm(join(encodings, `${name}.mp4`), { force: true });
  const rendition = await encodeFirstRung(source, encodings, ports, signal);
  await publishFirst(rendition, folder, ports, signal).catch((error: unknown) => noteFirstLayerFailure(error, ports));
  return rendition;
}

/** The cheapest useful rendition, alone. */
function encodeFirstRung(
  source: Source,
  encodings: string,
  ports: RepackagePorts,
  signal: AbortSignal,
): Promise<Encoding> {
  const { tools } = ports;
  const onProgress = (share: number): void => ports.onProgress(TRANSCODING + share * (LADDER - TRANSCODING));
  return encodeRungs(source, [selectFirstRung(planRungs(source, tools))], encodings, tools, signal, onProgress);
}

/** A file that cannot be copied may still be decoded. */
async function makeRemuxOrNone(
  source: Source,
  encodings: string,
  ports: RepackagePorts,
  signal: AbortSignal,
): Promise<Encoding | undefined> {
  try {
    const plan = await planRemux(source, ports.tools, signal);
    return plan && (await makeRemux(source, plan, encodings));
  } catch (error) {
    noteFirstLayerFailure(error, ports);
    return undefined;
  }
}

/** While the ladder is made, others may ask for another package of what plays already. A look that fails is repeated. */
async function keepPublishing(
  first: Encoding,
  folder: string,
  ports: RepackagePorts,
  signal: AbortSignal,
): Promise<void> {
  const wait = (): Promise<boolean> => delay(LOOK_MS, true, { signal, ref: false }).catch(() => false);
  while (await wait()) {
    await publishFirst(first, folder, ports, signal).catch((error: unknown) => {
      if (!signal.aborted) ports.onFirstLayerFailure(error);
    });
  }
}

/** @throws what is no failure of the first layer itself: a lost lease, a fault of the database */
function noteFirstLayerFailure(error: unknown, ports: RepackagePorts): void {
  if (!(error instanceof RepackageFailure)) throw error;
  ports.onFirstLayerFailure(error);
}

function isPublishFailure(error: unknown): boolean {
  return error instanceof RepackageFailure && error.reason === "publish-failed";
}

async function publishFirst(
  encoding: Encoding,
  folder: string,
  ports: RepackagePorts,
  signal: AbortSignal,
): Promise<void> {
  for (let next = await ports.nextPackage("first"); next; next = await ports.nextPackage("first")) {
    const isFitting = fitsTargetDuration(encoding, next.wanted.targetDuration);
    const place = isFitting ? next.wanted : await ports.openRemux(next.wanted);
    if (place) await publishPackage(encoding, { ...next, wanted: place, layer: "first" }, folder, ports, signal);
  }
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
