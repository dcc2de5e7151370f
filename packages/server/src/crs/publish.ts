/**
 * Brings one package to every CDN: segments, then media playlists, the master last, so that a probe that hits always means a
 * whole package. Every CDN goes at its own pace: one that is slow or dead holds up no other.
 *
 * @see DESIGN §5 (addresses, cache headers), primetime.md §3.6 (uploads to each CDN are separate)
 */
import { join } from "node:path";
import type { CutPackage, CutTrack } from "./cut-package.ts";
import type { FrameRate } from "./frame-rate.ts";
import { formatMasterPlaylist, formatMediaPlaylist } from "./playlists.ts";
import type { PublishTarget, PutOptions } from "./publish-target.ts";

export interface PackageToPublish {
  readonly cut: CutPackage;
  readonly frameRate: FrameRate;
  /** `1/abc/def/<h1>_<h2>.m3u8` */
  readonly masterPath: string;
  /** Names this attempt; media is never overwritten. */
  readonly version: string;
}

interface PublishOptions {
  readonly signal: AbortSignal;
  /** For one object. */
  readonly timeoutMs: number;
  /** 0 to 1, of the CDN that is furthest. */
  readonly onProgress: (share: number) => void;
  /** All media is there; throws where the master may not be replaced any more. */
  readonly beforeMaster?: () => Promise<void>;
}

const PLAYLIST = "application/vnd.apple.mpegurl";
const IMMUTABLE = "public, max-age=31536000, immutable";
const MEDIA_TYPE: Readonly<Record<CutTrack["kind"], string>> = {
  muxed: "video/mp2t",
  video: "video/mp4",
  audio: "audio/mp4",
};
const MEDIA_PLAYLIST: PutOptions = { contentType: PLAYLIST, cacheControl: IMMUTABLE };
const MASTER: PutOptions = { contentType: PLAYLIST, cacheControl: "public, max-age=5" };

const PARALLEL_PUTS = 4;
const TRIES = 2;
/** What a target has to clean up once it is told to end. */
const ABORT_MS = 1000;
/** A CDN that hangs would hold up the end of the process. */
const REMOVAL_MS = 5000;

/**
 * Publishes to one target.
 *
 * @throws the target's error after its second failure with the same object; the signal's reason; what `beforeMaster` throws
 */
export async function publishTo(target: PublishTarget, what: PackageToPublish, options: PublishOptions): Promise<void> {
  const base = what.masterPath.replace(/\.m3u8$/, "");
  const put = (path: string, body: string | { readonly file: string }, headers: PutOptions): Promise<void> =>
    putTwice(target, path, body, headers, options);

  const { folder, tracks, targetDuration } = what.cut;
  const media = tracks.flatMap(listMedia);
  let done = 0;
  const total = media.length + tracks.length + 1;
  const advance = (): void => options.onProgress(++done / total);
  const attempt = `${base}/${what.version}`;
  const putMedia = async (): Promise<void> => {
    await forAll(media, async ({ path, contentType }) => {
      await put(`${attempt}/${path}`, { file: join(folder, path) }, { contentType, cacheControl: IMMUTABLE });
      advance();
    });
    for (const track of tracks) {
      await put(`${attempt}/${track.name}.m3u8`, formatMediaPlaylist(track, targetDuration), MEDIA_PLAYLIST);
      advance();
    }
    await options.beforeMaster?.();
  };
  // No master names it yet. A master whose upload fails may be there all the same: then its media stays.
  await putMedia().catch((error: unknown) => removeAttempt(target, attempt, error, options));
  const relative = `${base.slice(base.lastIndexOf("/") + 1)}/${what.version}`;
  await put(what.masterPath, formatMasterPlaylist(what.cut, what.frameRate, relative), MASTER);
  advance();
}

/** The files of a track below the package's folder, what all segments need first. */
function listMedia({ name, kind, mapUri, segments }: CutTrack): readonly { path: string; contentType: string }[] {
  const uris = [...(mapUri === undefined ? [] : [mapUri]), ...segments.map(({ uri }) => uri)];
  return uris.map((uri) => ({ path: `${name}/${uri}`, contentType: MEDIA_TYPE[kind] }));
}

/** A few at a time. The first failure is thrown when those that were under way have ended too. */
async function forAll<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const faults: unknown[] = [];
  const workOff = async (): Promise<void> => {
    for (const item of rest) {
      if (faults.length > 0) return;
      await work(item).catch((error: unknown) => faults.push(error));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_PUTS }, workOff));
  if (faults.length > 0) throw faults[0];
}

/** @throws the reason why; that it cannot be removed says nothing new about this CDN */
async function removeAttempt(
  target: PublishTarget,
  attempt: string,
  reason: unknown,
  { timeoutMs }: PublishOptions,
): Promise<never> {
  const limits = { timeoutMs: Math.min(timeoutMs, REMOVAL_MS), what: `CDN ${target.name}: ${attempt}` };
  await within(limits, (signal) => target.removeFolder(attempt, signal)).catch(() => undefined);
  throw reason;
}

async function putTwice(
  target: PublishTarget,
  path: string,
  body: string | { readonly file: string },
  headers: PutOptions,
  options: PublishOptions,
): Promise<void> {
  const limits = { ...options, what: `CDN ${target.name}: ${path}` };
  for (let tries = 1; ; tries++) {
    options.signal.throwIfAborted();
    try {
      await within(limits, (signal) => target.put(path, body, { ...headers, signal }));
      return;
    } catch (error) {
      if (tries === TRIES || options.signal.aborted) throw error;
    }
  }
}

interface Limits {
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
  /** What the error names. */
  readonly what: string;
}

/** Tells `work` by its signal to end when it is time; one that does not listen is not waited for. */
async function within(limits: Limits, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const { timeoutMs, what } = limits;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`${what}: expected an end within ${timeoutMs} ms`)), timeoutMs);
  const signal = limits.signal ? AbortSignal.any([limits.signal, late.signal]) : late.signal;
  const over = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  const ended = new Promise<never>((_, reject) => {
    const end = (): void => {
      grace = setTimeout(() => reject(signal.reason), ABORT_MS);
    };
    signal.addEventListener("abort", end, { signal: over.signal });
  });
  try {
    await Promise.race([work(signal), ended]);
  } finally {
    clearTimeout(timer);
    clearTimeout(grace);
    over.abort();
  }
}
