/**
 * Playlists as their origins answered, shared by all viewers for as long as the origin allows, fetched once however many ask.
 *
 *   max-age, s-maxage  → for so long                 no-cache → asked again each time, conditionally
 *   no-store           → shared while it is fetched  private  → not shared
 *   nothing            → live: half a target duration; VOD and masters: 10 s
 *   a cookie is set    → not shared, unless it is `public`
 *
 * An origin that fails for a moment is covered for: what it last said counts for one target duration more (else 60 s).
 *
 * @see RFC 9111 §4.3; RFC 5861 §4 (stale-if-error)
 */
import { type CachePolicy, readCachePolicy } from "./cache-policy.ts";
import { contentMalformed, contentStatusError, isPassing, translateContentError } from "../manifest-errors.ts";
import type { ManifestFetch, ManifestResponse } from "../manifest-fetch.ts";
import { createWeightedLru, type WeightedLru } from "../weighted-lru.ts";

/** One text at one address; the same object for as long as the text is the same, so that what is made of it can be kept with it. */
export interface PlaylistBody {
  readonly text: string;
  /** After redirects. */
  readonly url: URL;
}

/** What an origin answered. */
export interface FetchedPlaylist {
  readonly body: PlaylistBody;
  readonly lastModified: string | undefined;
  /** `Set-Cookie` lines. */
  readonly setCookie: readonly string[];
  /** `X-Adobe-Sig` (primetime.md §1.12). */
  readonly signature: string | undefined;
}

/** One playlist for one set of cookies. */
export interface PlaylistRequest {
  readonly url: URL;
  readonly cookie: string | undefined;
  /** Beyond the cookie; they do not tell one answer from another. */
  readonly headers: Readonly<Record<string, string>>;
}

/** `isHit`: no request was made for this one. */
export interface PlaylistAnswer {
  readonly fetched: FetchedPlaylist;
  readonly isHit: boolean;
}

/** @throws HttpError `content-…`, AdError `address-refused` */
export type LoadPlaylist = (request: PlaylistRequest) => Promise<PlaylistAnswer>;

export interface ContentCacheDeps {
  readonly fetch: ManifestFetch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Of one fetch; default 5 s. */
  readonly timeoutMs?: number;
  /** Characters of all playlists that are kept; default 64 million. */
  readonly maxCharacters?: number;
  readonly onFetched: (report: FetchReport) => void;
}

/** One fetch that ended after so many ms; `isCovered`: it failed, and its viewers get what the origin said before. */
export interface FetchReport {
  readonly url: URL;
  readonly ms: number;
  readonly error: unknown;
  readonly isCovered: boolean;
}

/** Bytes of one playlist. */
const MAX_BYTES = 5_000_000;
const MAX_CHARACTERS = 64_000_000;
const TIMEOUT_MS = 5_000;
const STANDARD_FRESHNESS_MS = 10_000;
const STALE_MS = 60_000;
/** How long an origin that failed is left alone while there is something to send. */
const REST_MS = 1_000;

interface Entry {
  readonly fetched: FetchedPlaylist;
  readonly etag: string | undefined;
  readonly maxAgeMs: number | undefined;
  readonly freshUntil: number;
  readonly staleUntil: number;
}

interface Loaded {
  readonly fetched: FetchedPlaylist;
  readonly isShared: boolean;
}

interface Shelf {
  /** By address and cookies. */
  readonly entries: WeightedLru<Entry>;
  /** By address: viewers whose cookies differ mostly get the same text. */
  readonly bodies: WeightedLru<PlaylistBody>;
}

export function createContentCache(deps: ContentCacheDeps): LoadPlaylist {
  const maxCharacters = deps.maxCharacters ?? MAX_CHARACTERS;
  const shelf: Shelf = {
    entries: createWeightedLru<Entry>(maxCharacters),
    bodies: createWeightedLru<PlaylistBody>(maxCharacters),
  };
  const inFlight = new Map<string, Promise<Loaded>>();
  return async (request) => {
    const key = `${request.url.href}\n${request.cookie ?? ""}`;
    const entry = shelf.entries.get(key);
    if (entry !== undefined && deps.now() < entry.freshUntil) return { fetched: entry.fetched, isHit: true };
    const others = inFlight.get(key);
    if (others !== undefined) {
      const { fetched, isShared } = await others;
      if (isShared) return { fetched, isHit: true };
      return { fetched: (await refresh(deps, shelf, key, request)).fetched, isHit: false };
    }
    const own = refresh(deps, shelf, key, request);
    inFlight.set(key, own);
    try {
      return { fetched: (await own).fetched, isHit: false };
    } finally {
      inFlight.delete(key);
    }
  };
}

async function refresh(deps: ContentCacheDeps, shelf: Shelf, key: string, request: PlaylistRequest): Promise<Loaded> {
  const before = shelf.entries.get(key);
  const startedAt = deps.now();
  const report = (error: unknown, isCovered: boolean): void =>
    deps.onFetched({ url: request.url, ms: deps.now() - startedAt, error, isCovered });
  try {
    const response = await fetchPlaylist(deps, request, before);
    report(undefined, false);
    const policy = readCachePolicy(response.headers);
    const fetched = toFetched(response, before, shelf.bodies);
    if (policy.isStored) keep(shelf, key, toEntry(fetched, response, policy, before, deps.now()));
    else shelf.entries.delete(key);
    return { fetched, isShared: policy.isShared };
  } catch (caught) {
    const error = translateContentError(caught);
    const now = deps.now();
    const isCovered = before !== undefined && now < before.staleUntil && isPassing(error);
    report(caught, isCovered);
    if (!isCovered) throw error;
    keep(shelf, key, { ...before, freshUntil: Math.min(now + REST_MS, before.staleUntil) });
    return { fetched: before.fetched, isShared: true };
  }
}

async function fetchPlaylist(
  deps: ContentCacheDeps,
  { url, cookie, headers }: PlaylistRequest,
  before: Entry | undefined,
): Promise<ManifestResponse> {
  const lastModified = before?.fetched.lastModified;
  const response = await deps.fetch(url, {
    headers: {
      ...headers,
      ...(cookie !== undefined && { cookie }),
      ...(before?.etag !== undefined && { "if-none-match": before.etag }),
      ...(lastModified !== undefined && { "if-modified-since": lastModified }),
    },
    timeoutMs: deps.timeoutMs ?? TIMEOUT_MS,
    maxBytes: MAX_BYTES,
  });
  if (response.status === 304 && before !== undefined) return response;
  if (response.status !== 200) throw contentStatusError(response.status, response.headers);
  if (response.text.trim() === "") throw contentMalformed("a playlist", "nothing");
  return response;
}

function toFetched(
  { status, text, url, headers }: ManifestResponse,
  before: Entry | undefined,
  bodies: WeightedLru<PlaylistBody>,
): FetchedPlaylist {
  const isUnchanged = status === 304 && before !== undefined;
  return {
    body: isUnchanged ? before.fetched.body : selectBody(text, url, bodies),
    lastModified: headers.get("last-modified") ?? (isUnchanged ? before.fetched.lastModified : undefined),
    setCookie: headers.getSetCookie(),
    signature: headers.get("x-adobe-sig") ?? (isUnchanged ? before.fetched.signature : undefined),
  };
}

function selectBody(text: string, url: URL, bodies: WeightedLru<PlaylistBody>): PlaylistBody {
  const known = bodies.get(url.href);
  if (known?.text === text) return known;
  const body = { text, url };
  bodies.set(url.href, body, weigh(body));
  return body;
}

/** A 304 without directives leaves those of before in force (RFC 9111 §4.3.4). */
function toEntry(
  fetched: FetchedPlaylist,
  { status, headers }: ManifestResponse,
  policy: CachePolicy,
  before: Entry | undefined,
  now: number,
): Entry {
  const kept = status === 304 ? before : undefined;
  const maxAgeMs = policy.maxAgeMs ?? kept?.maxAgeMs;
  const { text } = fetched.body;
  const targetMs = Number(/^#EXT-X-TARGETDURATION:(\d{1,5})/m.exec(text)?.[1] ?? 0) * 1000;
  const isLive = targetMs > 0 && !isEnded(text);
  const freshUntil = now + (maxAgeMs ?? (isLive ? targetMs / 2 : STANDARD_FRESHNESS_MS));
  const staleUntil = freshUntil + (isLive ? targetMs : STALE_MS);
  return { fetched, etag: headers.get("etag") ?? kept?.etag, maxAgeMs, freshUntil, staleUntil };
}

/** Whether a media playlist gets no more segments. @see RFC 8216 §4.3.3.4, §4.3.3.5 */
export function isEnded(text: string): boolean {
  return /^#EXT-X-(?:ENDLIST|PLAYLIST-TYPE:\s*VOD)/m.test(text);
}

function keep({ entries }: Shelf, key: string, entry: Entry): void {
  entries.set(key, entry, key.length + weigh(entry.fetched.body));
}

/** What stands beside the text takes some room too. */
function weigh({ text }: PlaylistBody): number {
  return text.length + 1_000;
}
