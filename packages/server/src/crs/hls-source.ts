/**
 * A creative that is HLS: its best variant, read by us, so that ffmpeg never sees a playlist or a URL.
 *
 *   master → the best variant and its sound → media playlists → segments → one file, its parts joined
 *
 * Whatever begins with #EXTM3U is a playlist, whatever its name and type say; a byte order mark and white space before it are
 * forgiven, as players do.
 *
 * @see RFC 8216 §4, §6.3
 */
import { createHash } from "node:crypto";
import { AdError, isMasterPlaylist, parseMasterPlaylist } from "@interlude/core";
import type { SourceLimits } from "./crs-config.ts";
import { expectFound, type SourceRequests, type MediaDigest } from "./download.ts";
import { createResourceFetcher } from "./hls-source-fetch.ts";
import { joinParts, type JoinTools } from "./hls-source-join.ts";
import { fetchParts } from "./hls-source-parts.ts";
import { planSegments } from "./hls-source-playlist.ts";
import { refusePlaylist, resolveUri } from "./hls-source-uri.ts";
import { selectVariant } from "./hls-source-variant.ts";
import { RepackageFailure } from "./repackage-failure.ts";
import type { IdentifiedFile } from "./source-format.ts";

/** A playlist as it came. */
export interface FetchedPlaylist {
  /** After redirects: what its URIs are relative to. */
  readonly url: URL;
  readonly text: string;
}

/** The media playlists of a creative. */
export interface MediaPlaylists {
  readonly video: FetchedPlaylist;
  /** Left out: the sound is in the video's segments, or there is none. */
  readonly audio?: FetchedPlaylist;
}

export interface FetchedHls {
  readonly file: IdentifiedFile;
  /** Of all media, decrypted, picture before sound. */
  readonly digest: MediaDigest;
}

export interface HlsDeps {
  readonly requests: SourceRequests;
  readonly limits: SourceLimits;
  readonly tools: JoinTools;
}

const MAX_PLAYLIST_BYTES = 2_000_000;
/** How much of a file is looked at before it is known not to be a playlist. */
export const PLAYLIST_HEAD_BYTES = 64;

/** Whether a file is a playlist. @param head its first 64 bytes, or all */
export function isPlaylist(head: Buffer): boolean {
  return head.toString("utf8").trimStart().startsWith("#EXTM3U");
}

/**
 * Reads a playlist's body as UTF-8; white space in front, of which a byte order mark is one, is dropped.
 *
 * @throws RepackageFailure `too-large` above 2 MB
 */
export async function readPlaylist(body: AsyncIterable<Uint8Array>, url: URL): Promise<FetchedPlaylist> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_PLAYLIST_BYTES) {
      const message = `creative, playlist at ${url.host}: expected at most ${MAX_PLAYLIST_BYTES} bytes, got more`;
      throw new RepackageFailure("too-large", message);
    }
  }
  return { url, text: Buffer.concat(chunks).toString("utf8").trimStart() };
}

/**
 * The media playlists behind the first one: itself, or what its best variant names.
 *
 * @throws RepackageFailure `unsupported`, and as requests do
 */
export async function resolvePlaylists(
  first: FetchedPlaylist,
  { requests, limits }: Pick<HlsDeps, "requests" | "limits">,
): Promise<MediaPlaylists> {
  if (!isMasterPlaylist(first.text)) return { video: first };
  const selected = selectVariant(
    parsed(() => parseMasterPlaylist(first.text)),
    limits,
  );
  const fetchMedia = async (uri: string): Promise<FetchedPlaylist> => {
    const response = await requests.ask(resolveUri(uri, first.url), { "accept-encoding": "gzip, br" });
    expectFound(response);
    const playlist = await readPlaylist(response.body, response.url);
    if (isMasterPlaylist(playlist.text)) {
      throw refusePlaylist(playlist.url, "a media playlist for a variant", "a master playlist");
    }
    return playlist;
  };
  const [video, audio] = await Promise.all([
    fetchMedia(selected.video),
    selected.audio === undefined ? undefined : fetchMedia(selected.audio),
  ]);
  return { video, ...(audio && { audio }) };
}

/** SHA-256 of the playlists' text, hexadecimal. */
export function hashPlaylists({ video, audio }: MediaPlaylists): string {
  return createHash("sha256")
    .update(video.text)
    .update("\0")
    .update(audio?.text ?? "")
    .digest("hex");
}

/** Whether any URI of the playlists has a query. */
export function hasQueries({ video, audio }: MediaPlaylists): boolean {
  return [video, audio].some(
    (playlist) => playlist !== undefined && /^(?!#)[^\n]*\?|URI="[^"\n]*\?/m.test(playlist.text),
  );
}

/**
 * Fetches the media of a creative's playlists into `folder`, as one file.
 *
 * @param onProgress 0 to 1, by duration
 * @throws RepackageFailure; the signal's reason
 */
export async function fetchHls(
  playlists: MediaPlaylists,
  folder: string,
  deps: HlsDeps,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<FetchedHls> {
  const { requests, limits, tools } = deps;
  const plan = ({ text, url }: FetchedPlaylist) => parsed(() => planSegments(text, url, limits));
  const video = plan(playlists.video);
  const audio = playlists.audio ? plan(playlists.audio) : [];
  const whole = [...video, ...audio].reduce((sum, { duration }) => sum + duration, 0);
  let came = 0;
  const onDuration = (duration: number): void => {
    came += duration;
    if (whole > 0) onProgress(Math.min(1, came / whole));
  };
  const fetcher = createResourceFetcher(requests);
  const pictures = await fetchParts(video, "video", folder, fetcher, onDuration);
  const sound = audio.length > 0 ? await fetchParts(audio, "audio", folder, fetcher, onDuration) : undefined;
  const file = await joinParts({ video: pictures.parts, audio: sound?.parts }, folder, limits, tools, signal);
  return { file, digest: sound ? combine(pictures.digest, sound.digest) : pictures.digest };
}

function combine(a: MediaDigest, b: MediaDigest): MediaDigest {
  const sha256 = createHash("sha256").update(a.sha256).update(b.sha256).digest("hex");
  return { bytes: a.bytes + b.bytes, sha256 };
}

function parsed<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof AdError)) throw error;
    throw new RepackageFailure("unsupported", `creative: ${error.message}`, error);
  }
}
