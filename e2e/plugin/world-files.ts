/**
 * Files as servers of creatives hand them out: by parts, whole, or in one of the ways in which parts go wrong; and a log of the bytes.
 *
 * @see RFC 9110 §14; Fetch, CORS-safelisted response headers
 */
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";
import { gzipSync } from "node:zlib";

/**
 *   ranges     206, and the page may read which bytes these are
 *   hidden     206, and the page may not
 *   other      206 of the same bytes, but from 1,000 further on
 *   changed    206 out of a file that has become 1,000 bytes longer at its beginning
 *   whole      200 with all of it, whatever was asked
 *   unsized    the same, and nobody knows how long it is
 *   gzip       the same, encoded
 *   no-cors    206, but not for a page of another origin
 *   cut        206, and the connection is closed at the half
 *   stalled    206, and nothing more comes from the half on
 *   refused    416
 *   forbidden  403
 *   down       503
 */
export type FileBehaviour =
  | "ranges"
  | "hidden"
  | "other"
  | "changed"
  | "whole"
  | "unsized"
  | "gzip"
  | "no-cors"
  | "cut"
  | "stalled"
  | "refused"
  | "forbidden"
  | "down"
  | { readonly redirect: string };

/** One behaviour for all requests, or what is made of the nth one, from 0; preflights are not counted. */
export type FileBehaviours = FileBehaviour | ((nth: number) => FileBehaviour);

/** One request for a file. */
export interface WorldRead {
  readonly method: string;
  readonly path: string;
  /** As it was asked: `bytes=0-65535`. */
  readonly range: string | undefined;
  /** Unix time, milliseconds. */
  readonly receivedAt: number;
  readonly status: number;
  /** Of the body, so far. */
  readonly sentBytes: number;
}

export interface WorldFiles {
  /** From now on the path answers this file: a path of this machine, or its bytes. */
  readonly serve: (path: string, file: string | Buffer, behaviours?: FileBehaviours) => void;
  /** In order of arrival. */
  readonly reads: WorldRead[];
  /** False: no such file. The answer's CORS headers must be set by then. */
  readonly respond: (path: string, request: IncomingMessage, response: ServerResponse) => Promise<boolean>;
}

const SHIFT = 1000;
/** A client that goes away has been sent little more than it has read. */
const CHUNK = 16_384;
const EXPOSED = "accept-ranges, content-length, content-range";
const TYPES: Readonly<Record<string, string>> = {
  ".mp4": "video/mp4",
  ".mov": "video/quicktime",
  ".webm": "video/webm",
  ".flv": "video/x-flv",
};

interface ServedFile {
  readonly file: string | Buffer;
  readonly behaviours: FileBehaviours;
  asked: number;
}

/** What may be changed while the answer goes out. */
interface OpenRead extends WorldRead {
  status: number;
  sentBytes: number;
}

export function createWorldFiles(): WorldFiles {
  const served = new Map<string, ServedFile>();
  const reads: WorldRead[] = [];
  return {
    reads,
    serve: (path, file, behaviours = "ranges") => void served.set(path, { file, behaviours, asked: 0 }),
    respond: async (path, request, response) => {
      const entry = served.get(path);
      if (!entry) return false;
      const { method = "GET", headers } = request;
      const nth = method === "OPTIONS" ? entry.asked : entry.asked++;
      const behaviour = typeof entry.behaviours === "function" ? entry.behaviours(nth) : entry.behaviours;
      const read: OpenRead = { method, path, range: headers.range, receivedAt: Date.now(), status: 0, sentBytes: 0 };
      reads.push(read);
      const file = typeof entry.file === "string" ? await readFile(entry.file) : entry.file;
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      await send(response, read, formatAnswer({ file, type, method, range: headers.range, behaviour }));
      return true;
    },
  };
}

interface FileQuestion {
  readonly file: Buffer;
  readonly type: string;
  readonly method: string;
  readonly range: string | undefined;
  readonly behaviour: FileBehaviour;
}

interface FileAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Bytes after which it goes no further. */
  readonly end?: { readonly after: number; readonly how: "cut" | "stalled" };
  readonly isSameOrigin?: true;
}

const STATUS = { refused: 416, forbidden: 403, down: 503 } as const;

function formatAnswer({ file, type, method, range, behaviour }: FileQuestion): FileAnswer {
  const isSameOrigin = behaviour === "no-cors" ? ({ isSameOrigin: true } as const) : {};
  if (method === "OPTIONS") return { status: 204, headers: {}, ...isSameOrigin };
  if (typeof behaviour !== "string") return { status: 302, headers: { location: behaviour.redirect } };
  if (behaviour === "refused" || behaviour === "forbidden" || behaviour === "down")
    return { status: STATUS[behaviour], headers: {} };
  const headers = { "content-type": type };
  if (behaviour === "gzip")
    return { status: 200, headers: { ...headers, "content-encoding": "gzip" }, body: gzipSync(file) };
  if (behaviour === "unsized") return { status: 200, headers, body: file };
  if (behaviour === "whole")
    return { status: 200, headers: { ...headers, "content-length": `${file.length}` }, body: file };
  const source = behaviour === "changed" ? Buffer.concat([Buffer.alloc(SHIFT), file]) : file;
  const answer = formatPart(source, range, behaviour === "other" ? SHIFT : 0);
  const exposed = behaviour === "hidden" ? {} : { "access-control-expose-headers": EXPOSED };
  const half = Math.floor((answer.body?.length ?? 0) / 2);
  const end = behaviour === "cut" || behaviour === "stalled" ? { end: { after: half, how: behaviour } } : {};
  return { ...answer, headers: { ...headers, ...exposed, ...answer.headers }, ...end, ...isSameOrigin };
}

/** One range; several of them, and what is none, get the whole file. @see RFC 9110 §14.1.2 */
function formatPart(file: Buffer, range: string | undefined, shift: number): FileAnswer {
  const common = { "accept-ranges": "bytes" };
  const [asked, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(range ?? "") ?? [];
  if (asked === undefined || asked === "bytes=-")
    return { status: 200, headers: { ...common, "content-length": `${file.length}` }, body: file };
  const first = (from === "" ? Math.max(0, file.length - Number(to)) : Number(from)) + shift;
  const last = from === "" || to === "" ? file.length - 1 : Math.min(Number(to) + shift, file.length - 1);
  if (first > last) return { status: 416, headers: { ...common, "content-range": `bytes */${file.length}` } };
  const body = file.subarray(first, last + 1);
  const part = { "content-length": `${body.length}`, "content-range": `bytes ${first}-${last}/${file.length}` };
  return { status: 206, headers: { ...common, ...part }, body };
}

async function send(response: ServerResponse, read: OpenRead, answer: FileAnswer): Promise<void> {
  const { status, headers, body = Buffer.alloc(0), end, isSameOrigin } = answer;
  read.status = status;
  if (isSameOrigin) response.removeHeader("access-control-allow-origin");
  response.writeHead(status, headers);
  if (read.method === "HEAD" || read.method === "OPTIONS") return void response.end();
  const whole = body.subarray(0, end?.after);
  for (let at = 0; at < whole.length && !response.destroyed; at += CHUNK) {
    const chunk = whole.subarray(at, at + CHUNK);
    read.sentBytes += chunk.length;
    await new Promise<unknown>((done) => response.write(chunk, done));
  }
  if (end?.how === "cut") response.destroy();
  if (end === undefined) response.end();
}
