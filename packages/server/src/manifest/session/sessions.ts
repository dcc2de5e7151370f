/**
 * Sessions of addresses that this server signed: made at the bootstrap, and made anew where the server has forgotten one (it was
 * started again with its sessions in memory, or nobody asked for too long). The viewer then sees other ads, not an error.
 */
import type { ManifestLog } from "../manifest-fetch.ts";
import type { Session, SessionState, SessionStore, Viewer } from "./session.ts";
import { carryQuery, type SessionAddress } from "../urls.ts";

/** Who asks, with what query. */
export interface SessionRequest {
  readonly query: string;
  readonly viewer: Viewer;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** `isDetached`: sessions are away; what is known is what the address says, and nothing can be written down. */
export interface OpenedSession {
  readonly state: SessionState;
  readonly isDetached: boolean;
}

/** The session that a verified address names. Never rejects: a database that is away costs ads, not content. */
export async function openSession(
  { store, log }: { readonly store: Pick<SessionStore, "create" | "load">; readonly log: ManifestLog },
  address: SessionAddress,
  request: SessionRequest,
): Promise<OpenedSession> {
  const session = describeSession(address, { ...request, query: carryQuery(request.query) });
  try {
    const known = await store.load(session.id);
    if (known !== undefined) return { state: known, isDetached: false };
    await store.create(session);
    // Another instance may have been first.
    return { state: (await store.load(session.id)) ?? freshState(session), isDetached: false };
  } catch (error) {
    log.warn({ err: error, session: session.id }, "sessions are away: content goes out without ads");
    return { state: freshState(session), isDetached: true };
  }
}

/** `query` as the session keeps it. */
export function describeSession(
  address: Pick<SessionAddress, "sessionId" | "zone" | "assetId" | "masterUrl" | "isBackup">,
  { query, viewer, now }: SessionRequest,
): Session {
  const { sessionId: id, zone, assetId, masterUrl: contentUrl, isBackup } = address;
  return { id, zone, assetId, contentUrl, query, isBackup, createdAt: now, viewer };
}

function freshState(session: Session): SessionState {
  return { session, cookies: [], breaks: [], timelines: new Map(), tracks: [] };
}
