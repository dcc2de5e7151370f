/**
 * One resource of a playlist, brought to a file: its range, its key, and what its first bytes say it is.
 *
 * @see RFC 8216 §3 (formats), §4.3.2.2 (ranges), §5 (keys)
 */
import { createDecipheriv } from "node:crypto";
import { open } from "node:fs/promises";
import type { GuardedResponse } from "../guarded-fetch.ts";
import { expectFound, type SourceRequests, writeBody } from "./download.ts";
import type { SegmentKey } from "./hls-source-key.ts";
import type { PlannedResource } from "./hls-source-playlist.ts";
import { sniffSegment, type SegmentFormat } from "./hls-source-segment.ts";
import { refusePlaylist } from "./hls-source-uri.ts";
import { RepackageFailure } from "./repackage-failure.ts";

/** A resource on disk, clear. */
export interface FetchedResource extends SegmentFormat {
  readonly path: string;
}

/** Fetches the resources of one creative; each key is fetched once. */
export interface ResourceFetcher {
  /**
   * Writes a resource to `path`.
   *
   * @throws RepackageFailure `source-missing`, `source-unavailable`, `too-large`, `address-refused`, `truncated`, `unreadable` (a key
   * that does not fit), `unsupported`
   */
  fetch(resource: PlannedResource, path: string): Promise<FetchedResource>;
  /** Ends what is under way. */
  close(): void;
}

export function createResourceFetcher(requests: SourceRequests): ResourceFetcher {
  const keys = new Map<string, Promise<Buffer>>();
  const keyOf = (url: URL): Promise<Buffer> => {
    const known = keys.get(url.href) ?? fetchKey(url, requests);
    keys.set(url.href, known);
    return known;
  };
  return {
    fetch: async (resource, path) => {
      const { url, range, key } = resource;
      const secret = key && (await keyOf(key.url));
      const response = await requests.ask(url, range ? { range: formatRange(range) } : {});
      const body = range ? readRange(response, range) : readWhole(response);
      await writeBody(key && secret ? decrypt(body, secret, key, url) : body, path);
      return { path, ...(await sniffFile(path, url)) };
    },
    close: () => requests.close(),
  };
}

const KEY_BYTES = 16;

async function fetchKey(url: URL, requests: SourceRequests): Promise<Buffer> {
  const response = await requests.ask(url);
  expectFound(response);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > KEY_BYTES) break;
  }
  if (bytes === KEY_BYTES) return Buffer.concat(chunks);
  throw refusePlaylist(url, `a key of ${KEY_BYTES} bytes`, bytes > KEY_BYTES ? "more" : `${bytes}`);
}

type Range = NonNullable<PlannedResource["range"]>;

function formatRange({ offset, length }: Range): string {
  return `bytes=${offset}-${offset + length - 1}`;
}

async function* readWhole(response: GuardedResponse): AsyncGenerator<Uint8Array> {
  expectFound(response);
  yield* response.body;
}

/**
 * The bytes of a range. A server that knows no ranges sends everything (RFC 9110 §14.2): then what lies before is read and
 * dropped, at the expense of the creative's bytes, and what lies behind is left.
 */
async function* readRange(response: GuardedResponse, range: Range): AsyncGenerator<Uint8Array> {
  const { status, headers, url } = response;
  if (status === 416) throw shortened(url, range, "416");
  if (status === 206) checkContentRange(headers.get("content-range") ?? "none", range, url);
  else expectFound(response);
  let skip = status === 206 ? 0 : range.offset;
  let left = range.length;
  for await (const chunk of response.body) {
    const part = chunk.subarray(skip, skip + left);
    skip = Math.max(0, skip - chunk.length);
    left -= part.length;
    if (part.length > 0) yield part;
    if (left === 0) return;
  }
  throw shortened(url, range, `${range.length - left} bytes`);
}

function checkContentRange(value: string, { offset, length }: Range, url: URL): void {
  const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(value) ?? [];
  if (Number(first) === offset && Number(last) === offset + length - 1) return;
  const message = `creative at ${url.host}: expected bytes ${offset}-${offset + length - 1}, got Content-Range ${value.slice(0, 80)}`;
  throw new RepackageFailure("source-unavailable", message);
}

function shortened(url: URL, { offset, length }: Range, got: string): RepackageFailure {
  const message = `creative at ${url.host}: expected ${length} bytes from byte ${offset} on, got ${got}`;
  return new RepackageFailure("truncated", message);
}

async function* decrypt(
  body: AsyncIterable<Uint8Array>,
  secret: Buffer,
  { iv }: SegmentKey,
  url: URL,
): AsyncGenerator<Uint8Array> {
  const decipher = createDecipheriv("aes-128-cbc", secret, iv);
  for await (const chunk of body) yield decipher.update(chunk);
  try {
    yield decipher.final();
  } catch (error) {
    const message = `creative at ${url.host}: expected a segment that its key decrypts, got another`;
    throw new RepackageFailure("unreadable", message, error);
  }
}

/** Enough for two packets of a transport stream, and for the ID3 tag in front of packed audio. */
const HEAD_BYTES = 16_384;

async function sniffFile(path: string, url: URL): Promise<SegmentFormat> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const head = buffer.subarray(0, bytesRead);
    const found = sniffSegment(head);
    if (found !== undefined) return found;
    const came = JSON.stringify(head.toString("latin1", 0, 16));
    throw refusePlaylist(url, "segments of MPEG-TS, fMP4 or AAC", `one that begins with ${came}`);
  } finally {
    await file.close();
  }
}
