/**
 * The content's playlists, as every viewer of one refresh gets them: fetched once, addresses absolute, rewritten and
 * with their tokens, parsed once.
 *
 * @see primetime.md §1.12, §1.13; DESIGN §8 (cost)
 */
import {
  AdError,
  isMasterPlaylist,
  type MasterPlaylist,
  parseMasterPlaylist,
  parseMediaPlaylist,
} from "@interlude/core";
import type { ZoneConfig } from "../../zones.ts";
import { resolveUris, tooLarge } from "./absolute-uris.ts";
import type { Content, ContentLoader, ContentRequest } from "./content.ts";
import { createContentCache, type FetchedPlaylist, isEnded, type PlaylistBody } from "./content-cache.ts";
import { mergeCookies, parseSetCookie, readCookieHeader } from "./cookie-jar.ts";
import { contentMalformed, translateContentError } from "../manifest-errors.ts";
import type { ManifestFetch, ManifestLog } from "../manifest-fetch.ts";
import type { ManifestMetrics } from "../operations/manifest-metrics.ts";
import { applyRules } from "../ads/rewrite-rules.ts";
import { appendToken, readToken } from "./segment-token.ts";
import type { SessionStore, StoredCookie } from "../session/session.ts";
import type { RequestTrace } from "../trace.ts";
import type { ZoneManifest } from "../zone-manifest.ts";

export interface ContentDeps {
  readonly fetch: ManifestFetch;
  readonly zones: readonly ZoneConfig[];
  readonly store: Pick<SessionStore, "saveCookies">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: ManifestLog;
  /** Of one fetch; default 5 s. */
  readonly timeoutMs?: number;
  /** Once per fetch. */
  readonly countOrigin?: ManifestMetrics["countOrigin"];
}

/** Keeps what was fetched and parsed; one for the whole server. */
export function createContentLoader(deps: ContentDeps): ContentLoader {
  const fetchPlaylist = createFetcher(deps);
  const parsedMasters = new WeakMap<PlaylistBody, ParsedMaster>();
  const views = createViews();
  const manifestOf = (name: string): ZoneManifest | undefined => deps.zones.find(({ zone }) => zone === name)?.manifest;

  return {
    loadMaster: async (request, trace) => {
      const secret = manifestOf(request.session.zone)?.originSecret;
      const headers = secret === undefined ? {} : { [secret.name]: secret.value };
      const { fetched, cookies } = await fetchPlaylist(request, headers, trace);
      const { body, lastModified } = fetched;
      const parsed = parsedMasters.get(body) ?? parseMaster(body.text);
      parsedMasters.set(body, parsed);
      if ("error" in parsed) throw failed(deps, body, parsed.error);
      const token = tokenFor(request, fetched, cookies, deps.now());
      return { text: body.text, playlist: parsed.playlist, url: body.url, lastModified, token, cookies };
    },
    loadMedia: async (request, trace) => {
      const { fetched, cookies } = await fetchPlaylist(request, {}, trace);
      const { body } = fetched;
      const token = tokenFor(request, fetched, cookies, deps.now());
      const { zone } = request.options;
      const known = manifestOf(zone)?.rewriteRules ?? [];
      // Names that mean nothing would make a copy of the playlist each.
      const rules = request.options.rules.filter((name) => known.some((rule) => rule.name === name));
      const view = views(body, `${zone}\n${rules.join()}\n${token}`, () => {
        return parseMedia(fetched, (url, isSegment) =>
          applyRules(isSegment ? appendToken(url, token) : url, known, rules, "cdn"),
        );
      });
      if ("error" in view) throw failed(deps, body, view.error);
      return view.content;
    },
  };
}

type Fetcher = (
  request: ContentRequest,
  headers: Readonly<Record<string, string>>,
  trace: RequestTrace,
) => Promise<{ readonly fetched: FetchedPlaylist; readonly cookies: readonly StoredCookie[] }>;

/** Fetches with the viewer's name and the session's cookies, and keeps the cookies that come back. */
function createFetcher(deps: ContentDeps): Fetcher {
  const { log, now } = deps;
  const load = createContentCache({
    ...deps,
    onFetched: ({ url, ms, error, isCovered }) => {
      const isTimeout = error instanceof AdError && error.code === "upstream-timeout";
      deps.countOrigin?.(error === undefined ? "ok" : isTimeout ? "timeout" : "error", ms);
      if (error === undefined) return;
      log.warn({ url: url.origin + url.pathname, isCovered, err: error }, "content playlist: the origin failed");
    },
  });
  return async ({ url, session, cookies }, headers, trace) => {
    const startedAt = now();
    const { fetched, isHit } = await load({
      url,
      cookie: readCookieHeader(cookies, url, startedAt),
      headers: { "user-agent": session.viewer.userAgent || "Interlude", ...headers },
    });
    if (isHit) trace.contentHits++;
    else trace.contentMisses++;
    trace.sourceFetchMs += now() - startedAt;
    if (fetched.setCookie.length === 0) return { fetched, cookies };
    const set = parseSetCookie(fetched.setCookie, fetched.body.url, now());
    const news = set.filter((cookie) => !cookies.some((known) => isKept(known, cookie)));
    if (news.length > 0) {
      // They count for this answer all the same: sessions that are away cost no content.
      await deps.store
        .saveCookies(session.id, news)
        .catch((err: unknown) => log.warn({ err }, "cookies were not kept"));
    }
    return { fetched, cookies: mergeCookies(cookies, set, now()) };
  };
}

/** Writing a cookie whose end moves on with each answer would be a write for every request. */
const END_MAY_DIFFER_MS = 60_000;

function isKept(known: StoredCookie, cookie: StoredCookie): boolean {
  const { host, name, value, path } = cookie;
  const isSame = known.host === host && known.name === name && known.value === value && known.path === path;
  const end = (of: StoredCookie): number => of.expiresAt ?? Number.MAX_SAFE_INTEGER;
  return isSame && Math.abs(end(cookie) - end(known)) < END_MAY_DIFFER_MS;
}

function tokenFor(
  { options, url }: ContentRequest,
  fetched: FetchedPlaylist,
  cookies: readonly StoredCookie[],
  now: number,
): string {
  if (options.segmentToken === undefined) return "";
  const cookie = readCookieHeader(cookies, fetched.body.url, now);
  return readToken(options.segmentToken, { fetched, asked: url, cookie });
}

type ParsedMaster = { readonly playlist: MasterPlaylist | undefined } | { readonly error: unknown };
type View = { readonly content: Content } | { readonly error: unknown };

/** Playlists of one master: each gets an address that is signed for each session. */
const MAX_PLAYLISTS = 1000;
const PLAYLIST_TAG = /^#EXT-X-(?:(?:I-FRAME-|IMAGE-)?STREAM-INF|MEDIA):/gm;

function parseMaster(text: string): ParsedMaster {
  try {
    if (isMasterPlaylist(text)) {
      const count = text.match(PLAYLIST_TAG)?.length ?? 0;
      if (count > MAX_PLAYLISTS) throw tooLarge(`${MAX_PLAYLISTS} playlists in a master`);
      return { playlist: parseMasterPlaylist(text) };
    }
    parseMediaPlaylist(text);
    return { playlist: undefined };
  } catch (error) {
    return { error };
  }
}

function parseMedia(
  { body, lastModified }: FetchedPlaylist,
  rewrite: (url: string, isSegment: boolean) => string,
): View {
  try {
    if (isMasterPlaylist(body.text)) throw contentMalformed("a media playlist", "a master playlist");
    const text = resolveUris(body.text, body.url, (url, use) => rewrite(url, use === "segment"));
    return { content: { playlist: parseMediaPlaylist(text), url: body.url, isLive: !isEnded(text), lastModified } };
  } catch (error) {
    return { error };
  }
}

/** Ways in which one text is given out at most: tokens may differ from viewer to viewer. */
const MAX_VIEWS = 200;

/** What was made of each text, by how it was rewritten; errors are kept too. */
function createViews(): (body: PlaylistBody, key: string, make: () => View) => View {
  const views = new WeakMap<PlaylistBody, Map<string, View>>();
  return (body, key, make) => {
    const known = views.get(body) ?? new Map<string, View>();
    views.set(body, known);
    const view = known.get(key) ?? make();
    const [oldest] = known.size >= MAX_VIEWS && !known.has(key) ? known.keys() : [];
    if (oldest !== undefined) known.delete(oldest);
    known.set(key, view);
    return view;
  };
}

function failed({ log }: ContentDeps, { url }: PlaylistBody, error: unknown): unknown {
  if (error instanceof AdError) {
    log.warn({ url: url.origin + url.pathname, err: error }, "content playlist: not HLS");
  }
  return translateContentError(error);
}
