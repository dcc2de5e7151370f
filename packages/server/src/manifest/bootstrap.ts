/**
 * The bootstrap: a session is opened, and the client is told where its master playlist is. The content is not asked for yet, so
 * that the answer costs no round trip to its origin.
 *
 *   pttrackingmode=simple, ptplayer=ios-mobileweb → JSON
 *   anything else                                 → 302; a 301, as Primetime's traces show, would give one viewer's session to
 *                                                   the next viewer of the same browser
 *
 * @see Overview of Manifest Server interactions, steps 2, 3, 5; primetime.md §1.1-§1.3
 */
import { randomUUID } from "node:crypto";
import { requireZone, type ZoneConfig } from "../zones.ts";
import { requireContentOrigin } from "./content/content-origin.ts";
import type { ManifestLog } from "./manifest-fetch.ts";
import type { SessionOptions } from "./options.ts";
import { describeSession } from "./session/sessions.ts";
import type { SessionStore, Viewer } from "./session/session.ts";
import { decodeContentUrl, type ManifestUrls } from "./urls.ts";

export interface BootstrapDeps {
  readonly store: Pick<SessionStore, "create">;
  readonly zones: readonly ZoneConfig[];
  readonly urls: ManifestUrls;
  /** @throws AdError `option-invalid`, HttpError `zone-unknown` */
  readonly readOptions: (query: string) => SessionOptions;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: ManifestLog;
}

export interface BootstrapRequest {
  readonly assetId: string;
  /** base64url of the content's address. */
  readonly content: string;
  /** As the client wrote it, without `?`. */
  readonly query: string;
  readonly baseUrl: URL;
  readonly viewer: Viewer;
}

/** Where the session's master is; `isJson`: the client wants to read it, not to be sent there. */
export interface BootstrapAnswer {
  readonly masterUrl: string;
  readonly isJson: boolean;
  readonly sessionId: string;
  readonly options: SessionOptions;
}

/**
 * Opens a session. `_sid_` is the client's word, which others may know: it goes to the ad server, and the session gets an id that
 * nobody can guess.
 *
 * @throws HttpError `content-url-invalid`, `content-origin-refused`, `zone-unknown`; AdError `option-invalid`
 */
export async function openBootstrap(request: BootstrapRequest, deps: BootstrapDeps): Promise<BootstrapAnswer> {
  const { assetId, query, baseUrl, viewer } = request;
  const options = deps.readOptions(query);
  const zone = requireZone(deps.zones, options.zone);
  const url = decodeContentUrl(request.content);
  requireContentOrigin(url, zone, baseUrl);
  const address = {
    kind: "variant" as const,
    assetId,
    slot: "",
    sessionId: randomUUID(),
    zone: zone.zone,
    isBackup: false,
    contentUrl: url.href,
    masterUrl: url.href,
  };
  await deps.store.create(describeSession(address, { query, viewer, now: deps.now() })).catch((err: unknown) => {
    deps.log.warn({ err, session: address.sessionId }, "a session could not be kept; its addresses open it anew");
  });
  return {
    masterUrl: deps.urls.build(address, baseUrl, query),
    isJson: options.tracking === "simple" || options.isIosMobileWeb,
    sessionId: address.sessionId,
    options,
  };
}
