/**
 * One range of a file over the network: asked for once more where a server fails or falls silent on the way, from the byte on that is
 * missing.
 *
 *   the first request of all is not answered  → down, or closed to pages by CORS: which, nobody can tell; not asked again
 *   an address that redirects led to fails    → asked again at the address that was given: a signed one may have expired
 */
import { sleep } from "../sleep.ts";
import type { FetchRange, RangeAnswer } from "./fetch-range.ts";
import { MediaRefusal } from "./movie.ts";
import { type PlacedBody, placeBody, TransferError } from "./range-answer.ts";
import type { ByteRange } from "./segment-job.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** What is known of a file's server, by all requests to it. */
export interface FileServer {
  /** As it was given. */
  readonly url: URL;
  /** Where redirects within its origin have led. */
  redirected: URL | undefined;
  hasAnswered: boolean;
}

export interface TransferDeps {
  readonly fetchRange: FetchRange;
  readonly server: FileServer;
  /** Without a byte; then it is given up. */
  readonly stallMs: number;
  readonly retryMs: number;
}

/** Whoever takes what comes. */
export interface TransferSink {
  /** The bytes that are still missing; asked before each request. */
  readonly wanted: () => ByteRange;
  /** @throws MediaRefusal where the body is not to be read; false: the bytes come from elsewhere already */
  readonly onBody: (body: PlacedBody) => boolean;
  /** @throws MediaRefusal */
  readonly onBytes: (at: number, bytes: Uint8Array) => void;
  /** The file ends here, as nothing but the end of the body tells. */
  readonly onFileEnd: (at: number) => void;
}

const TRIES = 2;

/**
 * Resolves when everything has come that the server had to give.
 *
 * @param first an answer that is on its way already
 * @throws MediaRefusal `source-unreadable`; the signal's reason
 */
export async function runTransfer(
  sink: TransferSink,
  deps: TransferDeps,
  signal: AbortSignal,
  first?: Promise<RangeAnswer>,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await receive(sink, deps, signal, tries === 1 ? first : undefined);
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof MediaRefusal) throw cause;
      const { server } = deps;
      if (tries === TRIES || !server.hasAnswered) throw describeFailure(server, cause);
      server.redirected = undefined;
      await sleep(deps.retryMs, signal);
      signal.throwIfAborted();
    }
  }
}

function describeFailure({ url, hasAnswered }: FileServer, cause: unknown): MediaRefusal {
  const why = cause instanceof Error ? cause.message : String(cause);
  const told = hasAnswered ? why : `${why}: it is down, or sends no Access-Control-Allow-Origin`;
  return new MediaRefusal("source-unreadable", `${url.href}: expected bytes, got ${told}`);
}

async function receive(
  sink: TransferSink,
  { fetchRange, server, stallMs }: TransferDeps,
  ended: AbortSignal,
  first: Promise<RangeAnswer> | undefined,
): Promise<void> {
  const watch = createStallWatch(stallMs, ended);
  const { signal } = watch;
  try {
    const asked = sink.wanted();
    const answer = await answerWithin(first ?? fetchRange(server.redirected ?? server.url, asked, signal), signal);
    server.hasAnswered = true;
    const reader = answer.body?.getReader();
    const stop = (): void => void reader?.cancel().catch(() => undefined);
    signal.addEventListener("abort", stop);
    try {
      const body = placeBody(answer, asked);
      if (answer.url.origin === server.url.origin) server.redirected = answer.url;
      if (sink.onBody(body)) await readBody(reader, body, sink, watch);
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  } finally {
    watch.end();
  }
}

async function readBody(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  { start, end, isEndTold }: PlacedBody,
  sink: TransferSink,
  watch: StallWatch,
): Promise<void> {
  let at = start;
  while (at < end) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    watch.signal.throwIfAborted();
    if (done && isEndTold) throw new TransferError(`a body that ends at byte ${at} of ${end}`);
    if (done) return sink.onFileEnd(at);
    watch.note();
    const bytes = value.subarray(0, end - at);
    sink.onBytes(at, bytes);
    at += bytes.length;
  }
}

interface StallWatch {
  readonly signal: AbortSignal;
  readonly note: () => void;
  readonly end: () => void;
}

function createStallWatch(stallMs: number, ended: AbortSignal): StallWatch {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new TransferError(`no byte for ${stallMs} ms`));
  let timer = setTimeout(stop, stallMs);
  return {
    signal: AbortSignal.any([controller.signal, ended]),
    note: () => {
      clearTimeout(timer);
      timer = setTimeout(stop, stallMs);
    },
    end: () => clearTimeout(timer),
  };
}

/** Whoever sent the request may not end it with this signal. */
async function answerWithin(answer: Promise<RangeAnswer>, signal: AbortSignal): Promise<RangeAnswer> {
  try {
    return await unlessAborted(answer, signal);
  } catch (cause) {
    answer.then(({ body }) => body?.cancel()).catch(() => undefined);
    throw cause;
  }
}
