/**
 * How the relay reaches the world: ad servers by the guarded client, this server without the network. Beacons are put into the outbox
 * of the database, from where the manifest server's sender takes them within seconds: so the limits of hosts hold for both together.
 */
import type { FastifyInstance } from "fastify";
import { createRelayFetch } from "./ads/relay/relay-fetch.ts";
import { isRelayed } from "./ads/relay/relay-tags.ts";
import type { ServerConfig } from "./config.ts";
import type { Database } from "./database/database.ts";
import type { GuardedFetch } from "./guarded-fetch.ts";
import { buildAdHeaders } from "./manifest/ads/ad-headers.ts";
import { BEACON_LIMITS } from "./manifest/tracking/outbox.ts";
import { createDatabaseOutbox } from "./manifest/tracking/outbox-database.ts";
import { createOutboxIntake } from "./manifest/tracking/outbox-intake.ts";
import { createOwnFetch } from "./own-address.ts";
import type { RelayWorld } from "./relay-parts.ts";

export interface RelayWorldDeps {
  readonly config: Pick<ServerConfig, "publicHosts" | "zones">;
  readonly database: Database;
  readonly fetch: GuardedFetch;
}

/** undefined: no zone has a relay. */
export function openRelayWorld(app: FastifyInstance, deps: RelayWorldDeps): RelayWorld | undefined {
  const { config, database, fetch } = deps;
  if (!config.zones.some(isRelayed)) return undefined;
  const keep = createOutboxIntake({
    rows: createDatabaseOutbox({ ...database, bounds: BEACON_LIMITS }),
    now: Date.now,
    onDropped: (count) => app.log.warn({ count }, "beacons of the relay were too long, or had no room in the outbox"),
    onError: (err) => app.log.error({ err }, "a beacon of the relay could not be kept"),
  });
  return {
    fetch: createRelayFetch({ fetch, ...createOwnFetch(app, config.publicHosts) }),
    sendBeacon: (url, { ip, userAgent, referer, acceptLanguage }) => {
      const viewer = {
        ip,
        userAgent,
        ...(referer !== undefined && { referer }),
        ...(acceptLanguage !== undefined && { acceptLanguage }),
      };
      const headers = buildAdHeaders(viewer, [], new URL(url), Date.now());
      keep({ sessionId: "", event: "error", url, headers, time: 0, adSystem: "" });
    },
  };
}
