/**
 * How the manifest server reaches the world: by the guarded client, and without the network where an address is this server's own
 * (its ad server, its demo content), which the guard would refuse on a private address.
 */
import { AdError } from "@interlude/core";
import { type GuardedFetch, readText } from "../guarded-fetch.ts";
import type { ManifestFetch, ManifestFetchOptions, ManifestResponse } from "./manifest-fetch.ts";

/** Answers a GET of this very server; `url` is http. */
export type OwnFetch = (url: URL, headers: Readonly<Record<string, string>>) => Promise<ManifestResponse>;

export interface WorldFetchDeps {
  readonly fetch: GuardedFetch;
  readonly own: OwnFetch;
  /** Never true for a name that a stranger could make up. */
  readonly isOwn: (url: URL) => boolean;
}

export function createManifestFetch({ fetch, own, isOwn }: WorldFetchDeps): ManifestFetch {
  return async (url, options) => {
    if (url.protocol === "http:" && isOwn(url)) return inTime(own(url, options.headers), url, options);
    const response = await fetch(url, options);
    const { status, headers } = response;
    return { status, headers, url: response.url, text: await readText(response) };
  };
}

async function inTime(
  answer: Promise<ManifestResponse>,
  url: URL,
  { timeoutMs, maxBytes }: ManifestFetchOptions,
): Promise<ManifestResponse> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `${url.href}: expected an answer within ${timeoutMs} ms, got none`;
    timer = setTimeout(() => reject(new AdError("upstream-timeout", message, { url: url.href })), timeoutMs);
  });
  try {
    const response = await Promise.race([answer, late]);
    if (response.text.length <= maxBytes) return response;
    throw new AdError("response-too-large", `${url.href}: expected at most ${maxBytes} bytes, got more`);
  } finally {
    clearTimeout(timer);
  }
}
