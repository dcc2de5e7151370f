/** Brings a creative's media to the work folder, tells what it is, and remembers by what a change of it would be seen. */
import { join } from "node:path";
import { createDigester, type DownloadDeps, expectFound, openRequests, writeBody } from "./download.ts";
import {
  fetchHls,
  type FetchedPlaylist,
  hashPlaylists,
  hasQueries,
  type HlsDeps,
  isPlaylist,
  PLAYLIST_HEAD_BYTES,
  readPlaylist,
  resolvePlaylists,
} from "./hls-source.ts";
import type { JoinTools } from "./hls-source-join.ts";
import { type IdentifiedFile, identifySource } from "./source-format.ts";

/** What is known of a source after it was fetched; kept with the creative. */
export interface SourceFacts {
  /** As the server spelt it, `W/` and quotes included. */
  readonly etag?: string;
  readonly lastModified?: string;
  /** Of all media. */
  readonly bytes: number;
  /** Of all media in order, hexadecimal. */
  readonly sha256: string;
  /** Of HLS only: of the text of its media playlists, hexadecimal. Then there is no validator. */
  readonly playlistsSha256?: string;
}

export interface FetchedSource {
  readonly video: IdentifiedFile;
  /** Where sound is in a file of its own. HLS is put together before, so that both are in step: it leaves this out too. */
  readonly audio?: IdentifiedFile;
  readonly facts: SourceFacts;
}

export interface FetchSourceDeps extends DownloadDeps {
  /** They put together what comes in several parts. */
  readonly tools: JoinTools;
}

/**
 * Fetches a creative into `folder`, which must be empty: a file, or the media of an HLS playlist as one file.
 *
 * @param onProgress 0 to 1; not called where the length is not announced
 * @throws RepackageFailure `source-missing`, `source-unavailable`, `too-large`, `address-refused`, `unsupported`, `truncated`; of HLS
 * also `too-long`, `no-video`, `unreadable`, `transcode-failed`, `transcode-timeout`; the signal's reason
 */
export async function fetchSource(
  creativeUrl: string,
  folder: string,
  deps: FetchSourceDeps,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<FetchedSource> {
  const requests = openRequests(deps, signal);
  try {
    const response = await requests.ask(new URL(creativeUrl));
    expectFound(response);
    const { head, body } = await readHead(response.body, PLAYLIST_HEAD_BYTES);
    if (isPlaylist(head)) {
      const first = await readPlaylist(body, response.url);
      return await fetchPlaylists(first, folder, { ...deps, requests }, signal, onProgress);
    }
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    const path = join(folder, "source");
    const digester = createDigester();
    await writeBody(body, path, (chunk) => {
      digester.add(chunk);
      if (length > 0) onProgress(Math.min(1, digester.bytes / length));
    });
    const format = await identifySource(path);
    return { video: { path, format }, facts: { ...readValidators(response.headers), ...digester.end() } };
  } finally {
    requests.close();
  }
}

async function fetchPlaylists(
  first: FetchedPlaylist,
  folder: string,
  deps: HlsDeps,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<FetchedSource> {
  const playlists = await resolvePlaylists(first, deps);
  const { file, digest } = await fetchHls(playlists, folder, deps, signal, onProgress);
  return { video: file, facts: { ...digest, playlistsSha256: hashPlaylists(playlists) } };
}

/** The first bytes of a body, `length` or all there are, and the whole body again. */
async function readHead(
  source: AsyncIterable<Uint8Array>,
  length: number,
): Promise<{ readonly head: Buffer; readonly body: AsyncIterable<Uint8Array> }> {
  const chunks = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < length) {
    const next = await chunks.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* body(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  }
  return { head, body: body() };
}

/**
 * A cheap look whether a source is still what it was, without fetching its media: a file by its validators and its length
 * (RFC 9110 §13), HLS by the text of its media playlists.
 *
 * `unknown`: only fetching it and comparing `facts.sha256` can tell. So it is with HLS whose URIs have a query, which may be a
 * signature that is new each time.
 *
 * @throws RepackageFailure `source-missing`, `source-unavailable`, `too-large`, `address-refused`, `unsupported`; the signal's reason
 */
export async function checkSource(
  creativeUrl: string,
  facts: SourceFacts,
  deps: DownloadDeps,
  signal: AbortSignal,
): Promise<"same" | "changed" | "unknown"> {
  const requests = openRequests(deps, signal);
  try {
    const isFile = facts.playlistsSha256 === undefined;
    const response = await requests.ask(new URL(creativeUrl), isFile ? conditions(facts) : {});
    if (isFile && response.status === 304) return "same";
    expectFound(response);
    if (isFile) return compareFile(response.headers, facts);
    const { head, body } = await readHead(response.body, PLAYLIST_HEAD_BYTES);
    if (!isPlaylist(head)) return "changed";
    const playlists = await resolvePlaylists(await readPlaylist(body, response.url), { ...deps, requests });
    if (hashPlaylists(playlists) === facts.playlistsSha256) return "same";
    return hasQueries(playlists) ? "unknown" : "changed";
  } finally {
    requests.close();
  }
}

function conditions({ etag, lastModified }: SourceFacts): Readonly<Record<string, string>> {
  return {
    ...(etag !== undefined && { "if-none-match": etag }),
    ...(lastModified !== undefined && { "if-modified-since": lastModified }),
  };
}

/** Another ETag alone says little: servers of one CDN may each have their own for the same bytes. */
function compareFile(headers: Headers, { etag, bytes }: SourceFacts): "same" | "changed" | "unknown" {
  const isEncoded = headers.has("content-encoding");
  const length = isEncoded ? null : headers.get("content-length");
  if (length !== null && Number(length) !== bytes) return "changed";
  const isStrong = etag !== undefined && !etag.startsWith("W/");
  return isStrong && headers.get("etag") === etag ? "same" : "unknown";
}

function readValidators(headers: Headers): Pick<SourceFacts, "etag" | "lastModified"> {
  const etag = headers.get("etag");
  const lastModified = headers.get("last-modified");
  return { ...(etag !== null && { etag }), ...(lastModified !== null && { lastModified }) };
}
