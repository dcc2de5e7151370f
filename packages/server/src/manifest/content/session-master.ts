/**
 * The answer to one request for a session's master: the content's is fetched, and every playlist in it gets an address of this
 * server, signed for this session. What lies on an origin that the zone does not list keeps its own address and gets no ads.
 *
 * @see Overview of Manifest Server interactions, steps 4, 5; primetime.md §1.10 (failover)
 */
import type { ZoneConfig } from "../../zones.ts";
import type { ContentLoader, ContentRequest, MasterContent } from "./content.ts";
import { isContentOrigin } from "./content-origin.ts";
import { backupSessionId } from "./failover.ts";
import { detectKind } from "./live-detection.ts";
import type { ManifestLog } from "../manifest-fetch.ts";
import { formatSessionMaster, listMediaUrls, type MasterEntry } from "./master.ts";
import type { SessionOptions } from "../options.ts";
import type { SessionState, SessionStore } from "../session/session.ts";
import type { RequestTrace } from "../trace.ts";
import type { ManifestUrls } from "../urls.ts";

export interface SessionMasterDeps {
  readonly store: Pick<SessionStore, "create" | "saveCookies">;
  readonly content: ContentLoader;
  readonly urls: ManifestUrls;
  readonly log: ManifestLog;
}

export interface SessionMasterRequest {
  readonly state: SessionState;
  readonly options: SessionOptions;
  readonly zone: ZoneConfig;
  readonly baseUrl: URL;
  /** See `OpenedSession`. */
  readonly isDetached: boolean;
  readonly trace: RequestTrace;
}

/** The playlist's text, and when the content's was changed last, as its origin wrote it. */
export interface SessionMaster {
  readonly body: string;
  readonly lastModified: string | undefined;
}

/** @throws HttpError `content-…`, AdError `address-refused` */
export async function formatMasterAnswer(
  request: SessionMasterRequest,
  deps: SessionMasterDeps,
): Promise<SessionMaster> {
  const { state, options, zone, baseUrl } = request;
  const { session } = state;
  const contentUrl = new URL(session.contentUrl);
  const contentRequest = { url: contentUrl, session, cookies: state.cookies, options };
  const master = await deps.content.loadMaster(contentRequest, request.trace);
  const kind = await selectKind(master, contentRequest, request, deps);
  if (options.hasFailover && !request.isDetached) await openBackup(request, master, deps.store);
  const place = ({ url, slot, isBackup }: MasterEntry): string | undefined => {
    if (!isContentOrigin(url, zone, baseUrl)) {
      deps.log.warn({ zone: zone.zone, origin: url.origin }, "content origin: not listed, its playlists get no ads");
      return undefined;
    }
    const sessionId = isBackup ? backupSessionId(session.id) : session.id;
    const { zone: zoneName, assetId, query, contentUrl: masterUrl } = session;
    const address = { kind, assetId, slot, sessionId, zone: zoneName, isBackup, contentUrl: url.href, masterUrl };
    return deps.urls.build(address, baseUrl, query);
  };
  const body = formatSessionMaster(master, { contentUrl, hasFailover: options.hasFailover, place });
  return { body, lastModified: master.lastModified };
}

async function selectKind(
  master: MasterContent,
  contentRequest: ContentRequest,
  { options, zone, baseUrl, trace }: SessionMasterRequest,
  { content }: SessionMasterDeps,
): Promise<"live" | "vod"> {
  if (options.isLive !== undefined) return options.isLive ? "live" : "vod";
  const candidates = listMediaUrls(master).filter((url) => isContentOrigin(url, zone, baseUrl));
  return detectKind(master, candidates, (url) =>
    content.loadMedia({ ...contentRequest, url, cookies: master.cookies }, trace),
  );
}

/** The backup set is a session of its own, which knows the content's cookies as well. */
async function openBackup(
  { state: { session } }: SessionMasterRequest,
  { cookies }: MasterContent,
  store: SessionMasterDeps["store"],
): Promise<void> {
  const id = backupSessionId(session.id);
  await store.create({ ...session, id, isBackup: true });
  if (cookies.length > 0) await store.saveCookies(id, cookies);
}
