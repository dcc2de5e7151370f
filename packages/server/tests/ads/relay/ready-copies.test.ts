import { creativeKey } from "@interlude/core";
import { expect, test } from "vitest";
import type { CreativeProgress, RepackageOrder } from "../../../src/ads/admission.ts";
import { createQuota } from "../../../src/ads/quota.ts";
import { createReadyCopies } from "../../../src/ads/relay/ready-copies.ts";
import { embeddedTarget } from "../../../src/targets/target-config.ts";
import { standardZone } from "../../../src/zones.ts";
import { progressOf } from "../../http/test-app.ts";

test("a creative that fails while CRS is asked about it is ordered once, not by the answer and by the failure", async () => {
  const zone = standardZone("1", [embeddedTarget("a")]);
  const creativeUrl = "https://ads.example/a.mp4";
  const base = new URL("https://relay.test/");
  const key = creativeKey("1", creativeUrl);
  const asked = Promise.withResolvers<CreativeProgress | undefined>();
  const orders: RepackageOrder[] = [];
  let tell: (progress: CreativeProgress) => void = () => undefined;
  const copies = createReadyCopies({
    crs: {
      status: () => asked.promise,
      submit: async (order) => {
        orders.push(order);
        return { key, before: "failed", status: { state: "queued" } };
      },
      subscribe: (listener) => {
        tell = listener;
        return () => undefined;
      },
    },
    zoneQuota: createQuota(100, () => 0),
    isMadeUp: () => false,
    now: () => 0,
    onError: (error) => expect.unreachable(String(error)),
  });
  const source = { creativeUrl, names: { adSystem: "", adId: "", creativeId: "" } };
  const first = copies.find(source, zone, base);
  tell(progressOf("1", key, "failed"));
  asked.resolve(undefined);
  expect(await first).toBeUndefined();
  expect(await copies.find(source, zone, base)).toBeUndefined();
  expect(orders).toHaveLength(1);
});

test("a copy that is known stays known while CRS is asked anew, and where it does not answer", async () => {
  const zone = standardZone("1", [embeddedTarget("a")]);
  const creativeUrl = "https://ads.example/a.mp4";
  const key = creativeKey("1", creativeUrl);
  const packages = [{ packaging: "hls", targetDuration: 6, path: "1/a.m3u8", cdns: ["a"], layers: [] }] as const;
  const known = progressOf("1", key, "ready", { packages });
  const answers: Promise<CreativeProgress | undefined>[] = [Promise.resolve(known), new Promise(() => undefined)];
  const told: string[] = [];
  const orders: RepackageOrder[] = [];
  let time = 0;
  const copies = createReadyCopies({
    crs: {
      status: () => answers.shift() ?? Promise.reject(new Error("away")),
      submit: async (order) => {
        orders.push(order);
        return { key, before: "ready", status: { state: "ready" } };
      },
      subscribe: () => () => undefined,
    },
    zoneQuota: createQuota(100, () => 0),
    isMadeUp: () => false,
    now: () => time,
    onError: (error) => told.push(String(error)),
  });
  const source = { creativeUrl, names: { adSystem: "", adId: "", creativeId: "" } };
  for (time of [0, 6_000, 7_000, 12_000, 13_000])
    expect(await copies.find(source, zone, new URL("https://relay.test/"))).toMatch(/a\.m3u8$/);
  expect(told).toEqual(["Error: away"]);
  expect(orders).toEqual([]);
});

test("an answer goes by what CRS said a while ago, and the next one by what it says now; not by what is older than a minute", async () => {
  const zone = standardZone("1", [embeddedTarget("a")]);
  const creativeUrl = "https://ads.example/a.mp4";
  const key = creativeKey("1", creativeUrl);
  let [time, state]: [number, CreativeProgress["state"]] = [0, "transcoding"];
  const packages = [{ packaging: "hls", targetDuration: 6, path: "1/a.m3u8", cdns: ["a"], layers: [] }] as const;
  let asked = 0;
  const copies = createReadyCopies({
    crs: {
      status: async () => {
        asked++;
        return progressOf("1", key, state, { packages: state === "ready" ? packages : [] });
      },
      submit: async () => ({ key, before: state, status: { state } }),
      subscribe: () => () => undefined,
    },
    zoneQuota: createQuota(100, () => 0),
    isMadeUp: () => false,
    now: () => time,
    onError: (error) => expect.unreachable(String(error)),
  });
  const source = { creativeUrl, names: { adSystem: "", adId: "", creativeId: "" } };
  const find = () => copies.find(source, zone, new URL("https://relay.test/"));
  expect(await find()).toBeUndefined();
  state = "ready";
  time = 5_000;
  expect(await find()).toBeUndefined();
  expect(await find()).toMatch(/a\.m3u8$/);
  expect(asked).toBe(2);
  state = "transcoding";
  time = 65_000;
  expect(await find()).toBeUndefined();
});
