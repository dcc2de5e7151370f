/**
 * The requests that one creative costs: the only step that reads from the network. They share a deadline and a number of bytes,
 * whether it is one file or a playlist with a thousand segments.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { AdError } from "@interlude/core";
import type { GuardedFetch, GuardedResponse } from "../guarded-fetch.ts";
import type { SourceLimits } from "./crs-config.ts";
import type { FailureReason } from "./creative-state.ts";
import { RepackageFailure } from "./repackage-failure.ts";

export interface DownloadDeps {
  readonly fetch: GuardedFetch;
  readonly limits: SourceLimits;
}

export interface SourceRequests {
  /**
   * Asks for a resource. Any status is a value; the body, decoded, counts against the bytes of the whole creative.
   *
   * @throws RepackageFailure `source-unavailable`, `too-large`, `address-refused`, also while the body is read; the signal's reason
   */
  ask(url: URL, headers?: Readonly<Record<string, string>>): Promise<GuardedResponse>;
  /** Ends what is still open: a body that nobody reads would keep its connection until the time is up. */
  close(): void;
}

/** Opens the requests of one creative; `limits.fetchTimeoutMs` begins now. */
export function openRequests({ fetch, limits }: DownloadDeps, signal: AbortSignal): SourceRequests {
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal]);
  const deadline = performance.now() + limits.fetchTimeoutMs;
  let left = limits.maxBytes;

  const translate = (error: unknown): unknown => {
    if (signal.aborted) return signal.reason;
    return error instanceof AdError ? new RepackageFailure(reasonOf(error), error.message, error) : error;
  };
  async function* count(body: AsyncIterable<Uint8Array>, url: URL): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of body) {
        left -= chunk.length;
        if (left < 0) throw tooLarge(url, limits.maxBytes);
        yield chunk;
      }
    } catch (error) {
      throw translate(error);
    }
  }
  return {
    ask: async (url, headers = {}) => {
      try {
        const timeoutMs = Math.max(1, Math.ceil(deadline - performance.now()));
        const asked = { "accept-encoding": "identity", ...headers };
        const response = await fetch(url, { timeoutMs, maxBytes: Math.max(1, left), signal: both, headers: asked });
        return { ...response, body: count(response.body, response.url) };
      } catch (error) {
        throw translate(error);
      }
    },
    close: () => end.abort(),
  };
}

function tooLarge(url: URL, maxBytes: number): RepackageFailure {
  return new RepackageFailure("too-large", `creative at ${url.host}: expected at most ${maxBytes} bytes, got more`);
}

function reasonOf(error: AdError): FailureReason {
  if (error.code === "address-refused") return "address-refused";
  return error.code === "response-too-large" ? "too-large" : "source-unavailable";
}

/** Statuses that say that the file is not there for us, and will not be by itself. */
const MISSING: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 406, 410, 451]);

/** @throws RepackageFailure `source-missing`, `source-unavailable` for any other status than 200 */
export function expectFound({ status, url }: GuardedResponse): void {
  if (status === 200) return;
  const reason = MISSING.has(status) ? "source-missing" : "source-unavailable";
  throw new RepackageFailure(reason, `creative at ${url.host}: expected status 200, got ${status}`);
}

/**
 * Writes a body to a file that must not be there yet.
 *
 * @param onChunk gets what was written
 */
export async function writeBody(
  body: AsyncIterable<Uint8Array>,
  path: string,
  onChunk: (chunk: Uint8Array) => void = () => undefined,
): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of body) {
      await file.writeFile(chunk);
      onChunk(chunk);
    }
  } finally {
    await file.close();
  }
}

/** What media came: its length, and its SHA-256 in hexadecimal. */
export interface MediaDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/** Digests media as it comes. */
export interface MediaDigester {
  readonly bytes: number;
  add(chunk: Uint8Array): void;
  /** To be asked once, at the end. */
  end(): MediaDigest;
}

export function createDigester(): MediaDigester {
  const hash = createHash("sha256");
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    add: (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
    },
    end: () => ({ bytes, sha256: hash.digest("hex") }),
  };
}
