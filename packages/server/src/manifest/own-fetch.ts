/**
 * How the manifest server reaches the world: by the guarded client, and without the network where an address is this server's own
 * (its ad server, its demo content), which the guard would refuse on a private address.
 */
import { AdError } from "@interlude/core";
import type { GuardedFetch } from "../guarded-fetch.ts";
import { inTime } from "../in-time.ts";
import { type OwnFetch, OWN_TAG } from "../own-address.ts";
import { readText } from "../read-text.ts";
import type { ManifestFetch } from "./manifest-fetch.ts";
import { createByteFetch, type FetchBytes } from "./subtitles/webvtt-source.ts";

export interface WorldFetchDeps {
  readonly fetch: GuardedFetch;
  readonly own: OwnFetch;
  /** Never true for a name that a stranger could make up. */
  readonly isOwn: (url: URL) => boolean;
}

/** The world as a third party may name it, any address of it: of this server such an address leads to those paths alone. */
export function limitOwn(world: WorldFetchDeps, paths: RegExp): WorldFetchDeps {
  return { ...world, isOwn: (url) => paths.test(url.pathname) && world.isOwn(url) };
}

/** Texts. */
export function createManifestFetch({ fetch, own, isOwn }: WorldFetchDeps): ManifestFetch {
  return async (url, options) => {
    const { maxBytes, timeoutMs, baseUrl } = options;
    // Whatever name the client used: such a tag there is this server's.
    const isHere = url.origin === baseUrl?.origin && OWN_TAG.test(url.pathname);
    if (isHere || isOwn(url)) {
      const exchange = baseUrl && { baseUrl };
      const asked = own(url, options.headers, maxBytes, exchange);
      const { status, headers, bytes } = await inTime(asked, url.href, timeoutMs);
      if (bytes.length <= maxBytes) return { status, headers, url, text: new TextDecoder().decode(bytes) };
      throw new AdError("response-too-large", `${url.href}: expected at most ${maxBytes} bytes, got more`);
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
    const { status, bytes } = await inTime(own(url, options.headers, options.maxBytes), url.href, options.timeoutMs);
    return { status, bytes: bytes.subarray(0, options.maxBytes), isCut: bytes.length > options.maxBytes };
  };
}
