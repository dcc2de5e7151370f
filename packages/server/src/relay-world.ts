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
import { createBatch } from "./manifest/tracking/outbox-batch.ts";
import { createDatabaseOutbox } from "./manifest/tracking/outbox-database.ts";
import type { OutboxBeacon } from "./manifest/tracking/outbox-rows.ts";
import { createOwnFetch } from "./own-address.ts";
import type { RelayWorld } from "./relay-parts.ts";

export interface RelayWorldDeps {
  readonly config: Pick<ServerConfig, "publicHosts" | "zones">;
  readonly database: Database;
  readonly fetch: GuardedFetch;
}

/** Written at once, where many come together. */
const MAX_BATCH = 500;

/** undefined: no zone has a relay. */
export function openRelayWorld(app: FastifyInstance, deps: RelayWorldDeps): RelayWorld | undefined {
  const { config, database, fetch } = deps;
  if (!config.zones.some(isRelayed)) return undefined;
  const rows = createDatabaseOutbox({ ...database, bounds: BEACON_LIMITS });
  const keep = createBatch((beacons: readonly OutboxBeacon[]) => rows.add(beacons, Date.now()), MAX_BATCH);
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
      keep({ sessionId: "", event: "error", url, headers, time: 0, adSystem: "" }).catch((error: unknown) =>
        app.log.error({ err: error }, "a beacon of the relay could not be kept"),
      );
    },
  };
}
