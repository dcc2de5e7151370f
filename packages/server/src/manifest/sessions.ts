/**
 * Sessions of addresses that this server signed: made at the bootstrap, and made anew where the server has forgotten one (it was
 * started again with its sessions in memory, or nobody asked for too long). The viewer then sees other ads, not an error.
 */
import type { Session, SessionState, SessionStore, Viewer } from "./session.ts";
import { carryQuery, type SessionAddress } from "./urls.ts";

/** Who asks, with what query. */
export interface SessionRequest {
  readonly query: string;
  readonly viewer: Viewer;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The state of the session that a verified address names; never undefined. */
export async function openSession(
  store: Pick<SessionStore, "create" | "load">,
  address: SessionAddress,
  request: SessionRequest,
): Promise<SessionState> {
  const known = await store.load(address.sessionId);
  if (known !== undefined) return known;
  const session = describeSession(address, { ...request, query: carryQuery(request.query) });
  await store.create(session);
  // Another instance may have been first.
  return (await store.load(session.id)) ?? freshState(session);
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
