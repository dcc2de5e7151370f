/**
 * How the manifest server reaches the world: by the guarded client, and without the network where an address is this server's own
 * (its ad server, its demo content), which the guard would refuse on a private address.
 */
import { AdError } from "@interlude/core";
import type { GuardedFetch } from "../guarded-fetch.ts";
import { readText } from "../read-text.ts";
import type { OwnAnswer } from "../own-address.ts";
import type { ManifestFetch, ManifestFetchOptions } from "./manifest-fetch.ts";
import { createByteFetch, type FetchBytes } from "./subtitles/webvtt-source.ts";

/** Answers a GET of this very server. Of more than `maxBytes` some are left out, of so many none. */
export type OwnFetch = (url: URL, headers: Readonly<Record<string, string>>, maxBytes: number) => Promise<OwnAnswer>;

export interface WorldFetchDeps {
  readonly fetch: GuardedFetch;
  readonly own: OwnFetch;
  /** Never true for a name that a stranger could make up. */
  readonly isOwn: (url: URL) => boolean;
}

/** Texts. */
export function createManifestFetch({ fetch, own, isOwn }: WorldFetchDeps): ManifestFetch {
  return async (url, options) => {
    if (isOwn(url)) {
      const { status, headers, bytes } = await inTime(own(url, options.headers, options.maxBytes), url, options);
      if (bytes.length <= options.maxBytes) return { status, headers, url, text: new TextDecoder().decode(bytes) };
      throw new AdError("response-too-large", `${url.href}: expected at most ${options.maxBytes} bytes, got more`);
    }
    const response = await fetch(url, options);
    const { status, headers } = response;
    return { status, headers, url: response.url, text: await readText(response) };
  };
}

/** As many bytes as are asked for. */
export function createManifestByteFetch({ fetch, own, isOwn }: WorldFetchDeps): FetchBytes {
  const fetchBytes = createByteFetch(fetch);
  return async (url, options) => {
    if (!isOwn(url)) return fetchBytes(url, options);
    const { status, bytes } = await inTime(own(url, options.headers, options.maxBytes), url, options);
    return { status, bytes: bytes.subarray(0, options.maxBytes), isCut: bytes.length > options.maxBytes };
  };
}

async function inTime<Answer>(
  answer: Promise<Answer>,
  url: URL,
  { timeoutMs }: Pick<ManifestFetchOptions, "timeoutMs">,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `${url.href}: expected an answer within ${timeoutMs} ms, got none`;
    timer = setTimeout(() => reject(new AdError("upstream-timeout", message, { url: url.href })), timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
