/** How the relay reaches the world: ad servers by the guarded client, this server without the network, beacons by the outbox. */
import type { FastifyInstance } from "fastify";
import { createRelayFetch } from "./ads/relay/relay-fetch.ts";
import { isRelayed } from "./ads/relay/relay-tags.ts";
import type { ServerConfig } from "./config.ts";
import type { Database } from "./database/database.ts";
import type { GuardedFetch } from "./guarded-fetch.ts";
import { buildAdHeaders } from "./manifest/ads/ad-headers.ts";
import { createManifestFetch } from "./manifest/own-fetch.ts";
import { BEACON_LIMITS, createOutbox } from "./manifest/tracking/outbox.ts";
import { createDatabaseOutbox } from "./manifest/tracking/outbox-database.ts";
import { createBeaconSend } from "./manifest/tracking/outbox-send.ts";
import { createOwnFetch } from "./own-address.ts";
import type { RelayWorld } from "./relay-parts.ts";

export interface RelayWorldDeps {
  readonly config: Pick<ServerConfig, "publicHosts" | "zones">;
  readonly database: Database;
  readonly fetch: GuardedFetch;
}

/** Ends with the app. undefined: no zone has a relay. */
export function openRelayWorld(app: FastifyInstance, deps: RelayWorldDeps): RelayWorld | undefined {
  if (!deps.config.zones.some(isRelayed)) return undefined;
  const world = { fetch: deps.fetch, ...createOwnFetch(app, deps.config.publicHosts) };
  const onError = (error: unknown): void => app.log.error({ err: error }, "beacons of the relay could not be kept");
  const outbox = createOutbox({
    rows: createDatabaseOutbox({ ...deps.database, bounds: BEACON_LIMITS }),
    send: createBeaconSend({ fetch: createManifestFetch(world), now: Date.now }),
    onEnd: () => undefined,
    onRequest: () => undefined,
    onError,
    now: Date.now,
  });
  app.addHook("onClose", () => outbox.close());
  return {
    fetch: createRelayFetch(world),
    sendBeacon: (url, { ip, userAgent, referer, acceptLanguage }) => {
      const viewer = {
        ip,
        userAgent,
        ...(referer !== undefined && { referer }),
        ...(acceptLanguage !== undefined && { acceptLanguage }),
      };
      const headers = buildAdHeaders(viewer, [], new URL(url), Date.now());
      outbox.add({ sessionId: "", event: "error", url, headers, time: 0, adSystem: "" }).catch(onError);
    },
  };
}
