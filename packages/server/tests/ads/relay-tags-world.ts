/** A server whose zone asks ad servers on loopback. */
import { creativeKey, masterPath } from "@interlude/core";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { onTestFinished } from "vitest";
import { createRelayFetch } from "../../src/ads/relay/relay-fetch.ts";
import { RELAY_DEFAULTS, type ZoneRelay } from "../../src/ads/relay/relay-zone.ts";
import type { ServerConfig } from "../../src/config.ts";
import type { Queryable } from "../../src/database/database.ts";
import { createGuardedFetch } from "../../src/guarded-fetch.ts";
import { createOwnFetch } from "../../src/own-address.ts";
import { embeddedTarget } from "../../src/targets/target-config.ts";
import { standardZone, type ZoneConfig } from "../../src/zones.ts";
import { progressOf, type ScriptedCrs, scriptedCrs, testApp, testConfig, testTracking } from "../http/test-app.ts";
import { type AdServer, openAdServer } from "./relay/ad-server.ts";
import { upstream } from "./relay/relay-world.ts";

export interface RelayedServer {
  readonly app: FastifyInstance;
  readonly ads: AdServer;
  readonly crs: ScriptedCrs;
  /** Addresses that were told of an ad that was not played. */
  readonly beacons: readonly string[];
  readonly get: (url: string, headers?: Readonly<Record<string, string>>) => Promise<LightMyRequestResponse>;
  /** What was noted of a session: event, break, ad, upstream. */
  readonly listNoted: (session: string) => Promise<readonly unknown[]>;
  /** The same, with ad, line item, upstream, zone, position and amount. */
  readonly listRows: (session: string) => Promise<readonly unknown[]>;
  /** Makes a creative's copy ready; its address. */
  readonly makeReady: (creativeUrl: string) => string;
}

interface RelayedServerOptions {
  readonly query: Queryable["query"];
  /** Path of the ad server's tag. */
  readonly tag: string;
  readonly more?: Partial<ZoneRelay>;
  readonly ads?: Parameters<typeof openAdServer>[0];
  readonly isCrsOff?: boolean;
  /** The relay of zone 2; undefined: it has none. */
  readonly second?: ZoneRelay;
  /** Beside what tests have. */
  readonly config?: Partial<ServerConfig> | ((origin: string) => Partial<ServerConfig>);
}

export async function openRelayedServer(options: RelayedServerOptions): Promise<RelayedServer> {
  const ads = await openAdServer(options.ads);
  const fetch = createGuardedFetch({ allowPrivate: [`127.0.0.1:${ads.port}`] });
  onTestFinished(() => fetch.close());
  const relay = { ...RELAY_DEFAULTS, upstreams: [upstream(`${ads.origin}${options.tag}`)], ...options.more };
  const zone: ZoneConfig = { ...standardZone("1", [embeddedTarget("a")]), relay };
  const more = typeof options.config === "function" ? options.config(ads.origin) : options.config;
  const zones = [zone, { ...standardZone("2", [embeddedTarget("a")]), relay: options.second }];
  const config = { ...testConfig(), ...more, zones };
  const crs = scriptedCrs();
  const beacons: string[] = [];
  const tracking = testTracking({ query: options.query });
  // The app is there before anything is asked of it.
  const late: { own?: ReturnType<typeof createOwnFetch> } = {};
  const world = {
    fetch: createRelayFetch({
      fetch,
      own: async (...asked) => {
        if (!late.own) throw new Error("not open yet");
        return late.own.own(...asked);
      },
      isOwn: (url) => late.own?.isOwn(url) === true,
    }),
    sendBeacon: (url: string) => beacons.push(url),
  };
  const app = await testApp({
    query: options.query,
    config,
    tracking,
    world,
    ...(options.isCrsOff ? {} : { crs }),
  });
  late.own = createOwnFetch(app, ["localhost", ...config.publicHosts]);
  return {
    app,
    ads,
    crs,
    beacons,
    get: (url, headers = {}) => app.inject({ url, headers: { host: "localhost", ...headers } }),
    listNoted: async (session) => {
      await tracking.settle();
      const rows = await tracking.list({ session, limit: 100 });
      return rows.map(({ event, break: breakId, ad }) => [event, breakId, ad]);
    },
    listRows: async (session) => {
      await tracking.settle();
      const rows = await tracking.list({ session, limit: 100 });
      return rows.map(({ event, ad, lineItem, upstream, zone, position, amount }) =>
        [event, ad, lineItem, upstream, zone, position, amount].join(" "),
      );
    },
    makeReady: (creativeUrl) => {
      const key = creativeKey("1", creativeUrl);
      const path = masterPath("1", key, { packaging: "hls", targetDuration: 6 });
      const packages = [{ packaging: "hls", targetDuration: 6, path, cdns: ["a"] } as const];
      crs.tell(progressOf("1", key, "ready", { progress: 1, packages }));
      return `http://localhost/cdn/a/${path}`;
    },
  };
}
