/**
 * Brings one package to every CDN: segments, then media playlists, the master last, so that a probe that hits always means a
 * whole package. Every CDN goes at its own pace: one that is slow or dead holds up no other.
 *
 * @see DESIGN §5 (addresses, cache headers), primetime.md §3.6 (uploads to each CDN are separate)
 */
import { join } from "node:path";
import type { FrameRate } from "./frame-rate.ts";
import { type CutRendition, formatMasterPlaylist, formatMediaPlaylist } from "./playlists.ts";
import type { PublishTarget, PutOptions } from "./publish-target.ts";

export interface PackageToPublish {
  readonly cuts: readonly CutRendition[];
  readonly frameRate: FrameRate;
  readonly targetDuration: number;
  /** Where `<rendition>/<segment>` are. */
  readonly folder: string;
  /** `1/abc/def/<h1>_<h2>.m3u8` */
  readonly masterPath: string;
  /** Names this attempt; media is never overwritten. */
  readonly version: string;
}

export interface PublishOptions {
  readonly signal: AbortSignal;
  /** For one object. */
  readonly timeoutMs: number;
  /** 0 to 1, of the CDN that is furthest. */
  readonly onProgress: (share: number) => void;
}

const PLAYLIST = "application/vnd.apple.mpegurl";
const IMMUTABLE = "public, max-age=31536000, immutable";
const MEDIA: PutOptions = { contentType: "video/mp2t", cacheControl: IMMUTABLE };
const MEDIA_PLAYLIST: PutOptions = { contentType: PLAYLIST, cacheControl: IMMUTABLE };
const MASTER: PutOptions = { contentType: PLAYLIST, cacheControl: "public, max-age=5" };

const PARALLEL_PUTS = 4;
const TRIES = 2;

/**
 * Publishes to one target.
 *
 * @throws the target's error after its second failure with the same object; the signal's reason
 */
export async function publishTo(target: PublishTarget, what: PackageToPublish, options: PublishOptions): Promise<void> {
  const base = what.masterPath.replace(/\.m3u8$/, "");
  const put = (path: string, body: string | { readonly file: string }, headers: PutOptions): Promise<void> =>
    putTwice(target, path, body, headers, options);

  const segments = what.cuts.flatMap(({ rendition, segments: cut }) =>
    cut.map(({ uri }) => `${rendition.name}/${uri}`),
  );
  let done = 0;
  const total = segments.length + what.cuts.length + 1;
  const advance = (): void => options.onProgress(++done / total);
  const attempt = `${base}/${what.version}`;
  const putMedia = async (): Promise<void> => {
    await forAll(segments, async (path) => {
      await put(`${attempt}/${path}`, { file: join(what.folder, path) }, MEDIA);
      advance();
    });
    for (const { rendition, segments: cut } of what.cuts) {
      const listed = cut.map((segment) => ({ ...segment, uri: `${rendition.name}/${segment.uri}` }));
      await put(`${attempt}/${rendition.name}.m3u8`, formatMediaPlaylist(listed, what.targetDuration), MEDIA_PLAYLIST);
      advance();
    }
  };
  // No master names it yet. A master whose upload fails may be there all the same: then its media stays.
  await putMedia().catch((error: unknown) => removeAttempt(target, attempt, error, options));
  const relative = `${base.slice(base.lastIndexOf("/") + 1)}/${what.version}`;
  await put(what.masterPath, formatMasterPlaylist(what.cuts, what.frameRate, what.targetDuration, relative), MASTER);
  advance();
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
  await within(target.removePrefix(attempt), timeoutMs, `CDN ${target.name}: ${attempt}`).catch(() => undefined);
  throw reason;
}

async function putTwice(
  target: PublishTarget,
  path: string,
  body: string | { readonly file: string },
  headers: PutOptions,
  options: PublishOptions,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    options.signal.throwIfAborted();
    try {
      await within(target.put(path, body, headers), options.timeoutMs, `CDN ${target.name}: ${path}`);
      return;
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}

async function within(work: Promise<void>, timeoutMs: number, what: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: expected an end within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
