/** The insertion between a page and a player: how it is wired, how it ends, and what one insertion serves. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { NOWHERE } from "../src/ads/skips.ts";
import { createInsertionBase, type InsertionBase } from "../src/ad-insertion.ts";
import type { AdInsertionEvents } from "../src/events.ts";
import type { HostSide } from "../src/parts.ts";
import {
  createFakeWeb,
  type FakeWeb,
  formatMaster,
  formatVast,
  formatVmap,
  formatVod,
  HOST,
  ZONE,
} from "./fake-web.ts";

const CONTENT = formatVod(15);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function createWeb(): FakeWeb {
  const vast = formatVast({ id: "one", type: "application/x-mpegURL", url: `${HOST}/ad/master.m3u8` });
  return createFakeWeb({
    "/v1/zones/1.json": ZONE,
    "/ads/vmap": {
      text: formatVmap([
        { at: "start", id: "pre", vast },
        { at: "00:00:40", id: "mid", tag: `${HOST}/ads/vast` },
      ]),
    },
    "/ads/vast": { text: vast },
    "/ad/master.m3u8": { text: formatMaster({ 300_000: "low.m3u8" }) },
    "/ad/low.m3u8": { text: formatVod(2, 4, "ad") },
  });
}

const SIDE: HostSide = {
  media: () => null,
  bufferAhead: () => undefined,
  onLateChange: () => undefined,
  detach: () => undefined,
};

interface Insertion extends InsertionBase {
  readonly web: FakeWeb;
  readonly told: readonly string[];
  readonly errors: readonly AdInsertionEvents["error"][];
  readonly play: (track: string) => Promise<string>;
}

function open(abilities = { canBindLate: true }): Insertion {
  const web = createWeb();
  const base = createInsertionBase({ zoneUrl: "/v1/zones/1.json", adTagUrl: "/ads/vmap" }, abilities, web.createPorts);
  const told: string[] = [];
  const errors: AdInsertionEvents["error"][] = [];
  for (const name of ["adskip", "timeline", "beacon", "workflowstep"] as const)
    base.insertion.on(name, () => told.push(name));
  base.insertion.on("error", (event) => errors.push(event));
  const play = async (track: string): Promise<string> => {
    const url = new URL(`${HOST}/content/${track}.m3u8`);
    const text = base.tap.stitch({
      text: CONTENT,
      content: { url, bandwidthBps: undefined, kind: "main" },
      trackKey: track,
    });
    // modules are loaded by the clock of the machine
    await vi.waitFor(() => base.insertion.ready.catch(() => undefined));
    await vi.advanceTimersByTimeAsync(100);
    return text;
  };
  return { ...base, web, told, errors, play };
}

const countAds = (text: string): number => text.match(/ad-\d\.ts/g)?.length ?? 0;

describe("a player that lives on after destroy", () => {
  test("gets the breaks that it has in the playlist of another level too, and nothing else happens", async () => {
    const ads = open();
    ads.connect(() => SIDE);
    const high = await ads.play("high");
    expect(countAds(high)).toBe(2);
    ads.insertion.destroy();
    const asked = [...ads.web.requests];
    const told = [...ads.told];
    expect(await ads.play("low")).toBe(high);
    expect([ads.web.requests, ads.told, ads.web.beacons, ads.errors]).toEqual([asked, told, [], []]);
  });

  test("gets its content whole where it had no playlist before", async () => {
    const ads = open();
    ads.connect(() => SIDE);
    await ads.insertion.ready;
    ads.insertion.destroy();
    expect(await ads.play("high")).toBe(CONTENT);
  });
});

test("a listener that ends the insertion with each beacon it hears cuts off none that is due", async () => {
  const ads = open();
  const urls = [`${HOST}/t/one`, `${HOST}/t/two`];
  ads.connect(({ beacons }) => ({
    ...SIDE,
    // as the break on screen does that completes
    detach: () => beacons.sendBreak({ ...NOWHERE, breakId: "pre", position: "pre" }, "breakEnd", urls),
  }));
  await ads.play("high");
  const heard: string[] = [];
  ads.insertion.on("beacon", ({ url }) => {
    heard.push(url);
    ads.insertion.destroy();
  });
  ads.insertion.destroy();
  expect(ads.web.beacons).toEqual(urls);
  expect(heard).toEqual(urls);
});

test("a player that turns out to take each playlist once gets every break with the first one", async () => {
  const abilities = { canBindLate: true };
  const ads = open(abilities);
  ads.connect(() => SIDE);
  await vi.waitFor(() => ads.insertion.ready);
  abilities.canBindLate = false;
  expect(countAds(await ads.play("high"))).toBe(4);
});

describe("another content in the same player", () => {
  test("has no ads, and one error says that an insertion serves one content", async () => {
    const ads = open();
    ads.connect(() => SIDE);
    ads.tap.begin?.(`${HOST}/one.m3u8`);
    expect(countAds(await ads.play("high"))).toBe(2);
    const told = [...ads.told];
    ads.tap.begin?.(`${HOST}/two.m3u8`);
    ads.tap.begin?.(`${HOST}/three.m3u8`);
    expect(await ads.play("high")).toBe(CONTENT);
    expect(ads.errors).toMatchObject([
      { fatal: true, code: "option-invalid", message: expect.stringContaining("expected one content per insertion") },
    ]);
    expect([ads.told, ads.web.beacons, ads.insertion.breaks]).toEqual([told, [], []]);
  });

  test("does not get the breaks of the first one after destroy either", async () => {
    const ads = open();
    ads.connect(() => SIDE);
    ads.tap.begin?.(`${HOST}/one.m3u8`);
    await ads.play("high");
    ads.insertion.destroy();
    ads.tap.begin?.(`${HOST}/two.m3u8`);
    expect(await ads.play("low")).toBe(CONTENT);
    expect(ads.errors).toEqual([]);
  });

  test("is not what the same address is, loaded again", async () => {
    const ads = open();
    ads.connect(() => SIDE);
    ads.tap.begin?.(`${HOST}/one.m3u8`);
    await ads.play("high");
    ads.tap.begin?.(`${HOST}/one.m3u8`);
    expect(countAds(await ads.play("high"))).toBe(2);
    expect(ads.errors).toEqual([]);
  });
});

test("without attach no ads are put in that nobody would count, and one error names it", async () => {
  const ads = open();
  expect(await ads.play("high")).toBe(CONTENT);
  ads.connect(() => SIDE);
  expect(await ads.play("low")).toBe(CONTENT);
  expect(ads.errors).toMatchObject([
    { fatal: true, code: "option-invalid", message: expect.stringContaining("attach") },
  ]);
});
