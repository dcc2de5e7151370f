/** The ad server, wired: its tags, the relay behind them, and what pages may have repackaged. */
import { AdError } from "@interlude/core";
import type { FastifyInstance } from "fastify";
import type { RepackagePort } from "./ads/admission.ts";
import type { CampaignServer } from "./ads/campaign/campaign-server.ts";
import { createQuota } from "./ads/quota.ts";
import { repackageRoutes } from "./ads/repackage-routes.ts";
import { type GiveTicket, REPACKAGE_TICKET_LIFE_MS, signRepackageTicket } from "./ads/repackage-ticket.ts";
import { createSightings } from "./ads/sightings.ts";
import { tagRoutes, type TagRoutesOptions } from "./ads/tag-routes.ts";
import { createBeaconSigner } from "./beacon-signature.ts";
import type { ServerConfig } from "./config.ts";
import type { Queryable } from "./database/database.ts";
import type { Metrics } from "./metrics.ts";
import type { NoteEvent } from "./noted-event.ts";
import { openRelay, type RelayParts, type RelayWorld } from "./relay-parts.ts";
import { createSeal } from "./seal.ts";

export interface AdServerDeps {
  readonly config: ServerConfig;
  readonly query: Queryable["query"];
  /** undefined: repackaging is off. */
  readonly crs: RepackagePort | undefined;
  readonly campaigns: CampaignServer;
  /** undefined: no ad server is reached, so relays answer without ads. */
  readonly world: RelayWorld | undefined;
  readonly note: NoteEvent;
  /** Whether nobody watches, by a request's headers. */
  readonly isRobot: TagRoutesOptions["isRobot"];
  /** Signs the addresses of beacons. */
  readonly beaconSecret: string;
  readonly metrics: Pick<Metrics, "countRepackage" | "registry">;
  /** ms since the epoch */
  readonly now: () => number;
}

const NO_WORLD: RelayWorld = {
  fetch: async ({ origin }) => {
    throw new AdError("upstream-unreachable", `${origin}: this process reaches no ad server`);
  },
  sendBeacon: () => undefined,
};

/** Adds `/ads/…`. */
export async function registerAdServer(
  app: FastifyInstance,
  deps: AdServerDeps,
): Promise<Pick<RelayParts, "upstreams">> {
  const { config, query, crs, campaigns, note, metrics, now, world = NO_WORLD } = deps;
  const { zones, publicHosts, ticketSecret, repackageLimits: limits } = config;
  const sign = createBeaconSigner(createSeal(deps.beaconSecret));
  const ticketSeal = createSeal(ticketSecret);
  const ticketEnd = (): Date => new Date(now() + REPACKAGE_TICKET_LIFE_MS);
  const giveTicket: GiveTicket | undefined =
    crs && ((file, names) => signRepackageTicket(file, names, ticketEnd(), ticketSeal));
  const zoneQuota = createQuota(limits.perZonePerHour, now);
  const { registry } = metrics;
  const relay = openRelay(app, { config, world, crs, giveTicket, zoneQuota, note, sign, registry, now });
  const { isRobot } = deps;
  const { tags, listAssets } = relay;
  await app.register(tagRoutes, {
    zones,
    campaigns,
    publicHosts,
    sign,
    giveTicket,
    isRobot,
    relay: tags,
    listAssets,
  });
  await app.register(repackageRoutes, {
    crs,
    zones,
    ticketSecret,
    limits,
    zoneQuota,
    now,
    sightings: createSightings(query, ticketSecret, now),
    onOutcome: (outcome) => metrics.countRepackage(outcome),
  });
  return { upstreams: relay.upstreams };
}
