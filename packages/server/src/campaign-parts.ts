/** Wires the campaign file: read again when it changes, what is delivered looked up, tags answered. */
import type { FastifyInstance } from "fastify";
import type { Campaigns } from "./ads/campaign/campaign.ts";
import { type CampaignServer, createCampaignServer } from "./ads/campaign/campaign-server.ts";
import { createDeliveries } from "./ads/campaign/deliveries.ts";
import { type CampaignStatus, watchCampaigns } from "./ads/campaign/watch-campaigns.ts";
import type { ServerConfig } from "./config.ts";
import type { Queryable } from "./database/database.ts";
import type { NoteEvent } from "./noted-event.ts";

/** What the rest of the server needs of it. */
export interface CampaignParts {
  readonly server: CampaignServer;
  readonly status: () => CampaignStatus;
  /** As they are in force now. */
  readonly current: () => Campaigns;
}

export interface CampaignPartsDeps {
  readonly config: Pick<ServerConfig, "campaigns" | "campaignFile" | "zones">;
  readonly query: Queryable["query"];
  readonly note: NoteEvent;
  /** ms since the epoch */
  readonly now: () => number;
}

const ROUND_MS = 60_000;

/** Ends with the app. */
export function openCampaigns(app: FastifyInstance, { config, query, note, now }: CampaignPartsDeps): CampaignParts {
  const source = watchCampaigns({
    file: config.campaignFile,
    initial: config.campaigns,
    zones: config.zones.map(({ zone }) => zone),
    now,
    log: {
      info: (message) => app.log.info(message),
      warn: (message) => app.log.warn(message),
      error: (message) => app.log.error(message),
    },
  });
  const campaigns = source.current;
  const onError = (error: unknown, message: string): void => app.log.error({ err: error }, message);
  const deliveries = createDeliveries({ query, campaigns, now, onError });
  let tidying = Promise.resolve();
  const rounds = setInterval(() => {
    tidying = deliveries.tidy();
  }, ROUND_MS).unref();
  app.addHook("onClose", async () => {
    source.close();
    clearInterval(rounds);
    await tidying;
  });
  const server = createCampaignServer({ campaigns, deliveries, note, now, random: Math.random });
  return { server, status: source.status, current: campaigns };
}
