/** The HTTP side of a server for tests: real database, CRS as the test tells it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { creativeKey, type CreativeState } from "@interlude/core";
import type { FastifyInstance } from "fastify";
import { afterAll, onTestFinished } from "vitest";
import type { CreativeProgress, RepackageOrder, RepackagePort } from "../../src/ads/admission.ts";
import { parseCampaigns } from "../../src/ads/campaign/campaign-file.ts";
import { storeDeliveries } from "../../src/ads/campaign/delivery-store.ts";
import { type AppDeps, buildApp } from "../../src/app.ts";
import { readConfig, type ServerConfig } from "../../src/config.ts";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { createTracking, type Tracking } from "../../src/tracking/tracking.ts";
import { placeDatabase } from "../database/new-database.ts";

export const TOKEN = "a-token-for-these-tests";

export const CAMPAIGNS = JSON.stringify({
  version: 1,
  lineItems: [
    {
      id: "mp4",
      ads: [
        {
          id: "ad-mp4",
          title: 'Tea & <biscuits> "now"',
          duration: 10,
          clickThrough: "https://interlude.example/?a=1&b=2",
          mediaFiles: [
            { url: "/media/a.mp4?x=1&y=]]>", type: "video/mp4", width: 1280, height: 720, bitrateKbps: 2500 },
          ],
        },
      ],
    },
    {
      id: "pod",
      ads: ["one", "two"].map((id) => ({
        id,
        duration: 5.5,
        skipOffset: 2,
        mediaFiles: [
          { url: `https://cdn.example/${id}.m3u8`, type: "application/x-mpegURL", width: 640, height: 360 },
          { url: `https://cdn.example/${id}.mp4`, type: "video/mp4", width: 640, height: 360, codec: "avc1.4d401e" },
        ],
      })),
    },
    { id: "wrapped", wrapper: "/ads/vast?li=mp4" },
    { id: "foreign", wrapper: "https://other.example/tag?cb=[CACHEBUSTING]" },
    { id: "nothing", ads: [] },
  ],
  schedules: [
    {
      id: "pre-mid-post",
      breaks: [
        { id: "pre", timeOffset: "start", lineItem: "mp4" },
        { id: "mid-1", timeOffset: "00:00:20.000", lineItem: "pod" },
        { id: "post", timeOffset: "end", lineItem: "wrapped" },
      ],
    },
  ],
});

export function testConfig(env: Readonly<Record<string, string>> = {}): ServerConfig {
  const config = readConfig({ INTERLUDE_API_TOKEN: TOKEN, INTERLUDE_LOG: "silent", ...env });
  return { ...config, campaigns: parseCampaigns(CAMPAIGNS, "campaigns.json") };
}

/** One embedded database for a test file. */
export async function openTestDatabase(): Promise<Database> {
  const folder = mkdtempSync(join(tmpdir(), "interlude-http-"));
  const directory = join(folder, "database");
  await placeDatabase(directory);
  const database = await openDatabase({ directory });
  afterAll(async () => {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return database;
}

/** An app that is closed when the test ends. */
export async function testApp(deps: Partial<AppDeps> & Pick<AppDeps, "query">): Promise<FastifyInstance> {
  const app = await buildApp({ config: testConfig(), crs: undefined, tracking: testTracking(deps), ...deps });
  onTestFinished(() => app.close());
  return app;
}

/** A receiver with a journal of its own; the one connection of a test's database is its transaction. */
export function testTracking({ query, now = Date.now }: Pick<AppDeps, "query" | "now">): Tracking {
  const directory = mkdtempSync(join(tmpdir(), "interlude-tracking-"));
  const tracking = createTracking({
    directory,
    database: { query, transaction: (run) => run({ query }), isEmbedded: true },
    now,
    ...testConfig().tracking,
    stored: storeDeliveries,
    onError: (error, what) => console.error(what, error),
  });
  onTestFinished(async () => {
    await tracking.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return tracking;
}

export interface ScriptedCrs extends RepackagePort {
  readonly orders: RepackageOrder[];
  /** Puts a creative into a state and tells the listeners. */
  readonly tell: (status: CreativeProgress) => void;
  readonly listeners: () => number;
}

/** CRS whose answers a test sets; a creative that it does not know becomes queued when it is asked for. */
export function scriptedCrs(more: Partial<RepackagePort> = {}): ScriptedCrs {
  const known = new Map<string, CreativeProgress>();
  const listeners = new Set<(status: CreativeProgress) => void>();
  const orders: RepackageOrder[] = [];
  const tell = (status: CreativeProgress): void => {
    known.set(`${status.zone}/${status.key}`, status);
    for (const listener of listeners) listener(status);
  };
  return {
    orders,
    tell,
    listeners: () => listeners.size,
    status: async (zone, key) => known.get(`${zone}/${key}`),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    submit: async (order) => {
      orders.push(order);
      const key = creativeKey(order.zone, order.creativeUrl);
      const before = known.get(`${order.zone}/${key}`)?.state ?? "absent";
      if (before === "absent") tell(progressOf(order.zone, key, "queued"));
      return { key, before, status: { state: before === "absent" ? "queued" : before } };
    },
    ...more,
  };
}

export function progressOf(
  zone: string,
  key: string,
  state: CreativeState,
  more: Partial<CreativeProgress> = {},
): CreativeProgress {
  return { zone, key, state, progress: 0, packages: [], ...more };
}
