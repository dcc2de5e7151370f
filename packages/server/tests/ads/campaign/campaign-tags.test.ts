import { join } from "node:path";
import { parseVast, parseVmap, readXml, type VastDocument } from "@interlude/core";
import type { FastifyInstance } from "fastify";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { parseCampaigns } from "../../../src/ads/campaign/campaign-file.ts";
import { buildApp } from "../../../src/app.ts";
import type { NotedEvent } from "../../../src/noted-event.ts";
import type { Database } from "../../../src/database/database.ts";
import { parseXml } from "../../../src/xml.ts";
import type { Tracking } from "../../../src/tracking/tracking.ts";
import { openTestDatabase, testApp, testConfig, testTracking } from "../../http/test-app.ts";

const PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148";
const BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

function item(id: string, duration: number, terms: Readonly<Record<string, unknown>> = {}) {
  const { companions, ...rest } = terms;
  const mediaFiles = [{ url: `/${id}.mp4`, type: "video/mp4", width: 640, height: 360 }];
  return { id, priority: 1, ads: [{ id: `ad-${id}`, duration, mediaFiles, companions }], ...rest };
}

const CAPPED = { frequency: [{ impressions: 9, hours: 1 }] };

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

interface Asked {
  readonly lineItems: readonly unknown[];
  readonly schedules?: readonly unknown[];
}

async function server({ lineItems, schedules = [] }: Asked): Promise<FastifyInstance> {
  const campaigns = parseCampaigns(JSON.stringify({ version: 1, lineItems, schedules }), "c.json");
  tracking = testTracking({ query: database.query });
  return testApp({ query: database.query, tracking, config: { ...testConfig(), campaigns } });
}

/** Of the server that was opened last. */
let tracking: Tracking;

async function ask(
  app: FastifyInstance,
  query: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<VastDocument> {
  const answer = await app.inject({
    url: `/ads/vast?zone=1&${query}`,
    headers: { host: "localhost:8080", "user-agent": BROWSER, ...headers },
  });
  expect(answer.statusCode).toBe(200);
  return parseVast(readXml(answer.body, parseXml));
}

const ids = (document: VastDocument): readonly (string | undefined)[] => document.ads.map(({ ad }) => ad.id);

/** Plays them: every impression is told, and loaded. */
async function watch(app: FastifyInstance, document: VastDocument): Promise<void> {
  for (const url of document.ads.flatMap(({ ad }) => ad.impressions)) {
    const { pathname, search } = new URL(url);
    const answer = await app.inject({ url: pathname + search, headers: { "user-agent": BROWSER } });
    expect(answer.statusCode).toBe(204);
  }
  await tracking.settle();
}

describe("GET /ads/vast without a line item", () => {
  test("impressions that anybody could have written use no goal up", async () => {
    const flight = { start: "2020-01-01T00:00:00Z", end: "2100-01-01T00:00:00Z" };
    const lineItems = [item("sold", 10, { flight, goal: { impressions: 2, pacing: "asap" } })];
    const forged = await server({ lineItems });
    for (const session of ["x", "y"]) {
      const url = `/track/impression?zone=1&session=${session}&break=b&position=1&ad=ad-sold&li=sold`;
      expect((await forged.inject({ url, headers: { "user-agent": BROWSER } })).statusCode).toBe(204);
    }
    await tracking.settle();
    await forged.close();
    expect(ids(await ask(await server({ lineItems }), "session=1"))).toEqual(["ad-sold"]);
    const played = await server({ lineItems });
    for (const session of ["1", "2"]) await watch(played, await ask(played, `session=${session}`));
    await played.close();
    expect(ids(await ask(await server({ lineItems }), "session=3"))).toEqual([]);
  });

  test("a goal is reached by as many impressions as it says, also where no tag tells the session", async () => {
    const lineItems = [item("ten", 10, { goal: { impressions: 10, pacing: "asap" } })];
    const app = await server({ lineItems });
    let served = 0;
    for (let request = 0; request < 20; request++) {
      const document = await ask(app, "break=mid");
      served += document.ads.length;
      await watch(app, document);
    }
    expect(served).toBe(10);
  });

  test("without a session each answer has one of its own in its tracking URLs, and its beacons count once", async () => {
    const noted: NotedEvent[] = [];
    tracking = { ...testTracking({ query: database.query }), note: (event) => void noted.push(event) };
    const campaigns = parseCampaigns(JSON.stringify({ version: 1, lineItems: [item("a", 10)] }), "c.json");
    const app = await testApp({ query: database.query, tracking, config: { ...testConfig(), campaigns } });
    const documents = [await ask(app, "break=nobody"), await ask(app, "break=nobody")];
    const sessions = documents.map(({ ads }) => new URL(ads[0]?.ad.impressions[0] ?? "").searchParams.get("session"));
    expect(sessions.map((session) => /^~[\da-f-]{36}$/.test(session ?? ""))).toEqual([true, true]);
    expect(sessions[0]).not.toBe(sessions[1]);
    expect(noted.map(({ session }) => session)).toEqual([sessions[0], sessions[0], sessions[1], sessions[1]]);
    for (const document of [...documents, ...documents]) await watch(app, document);
    const rows = await database.query("select from tracking_event where event = 'impression' and break = 'nobody'");
    expect(rows).toHaveLength(2);
  });

  test("a session, a viewer or a break that is a macro nobody filled in is none, not one for everybody", async () => {
    const app = await server({ lineItems: [item("open", 10), item("capped", 10, CAPPED)] });
    const query = "session=[SESSION]&viewer=$%7BVIEWER%7D&break=%25%25BREAK%25%25&duration=60";
    const documents = [await ask(app, query), await ask(app, query)];
    expect(documents.map(ids)).toEqual([["ad-open"], ["ad-open"]]);
    const urls = documents.map(({ ads }) => new URL(ads[0]?.ad.impressions[0] ?? ""));
    const told = urls.map(({ searchParams }) => ["session", "break", "v"].map((name) => searchParams.get(name)));
    expect(told[0]).toEqual([expect.stringMatching(/^~[\da-f-]{36}$/), "", null]);
    expect(told[1]?.[0]).not.toBe(told[0]?.[0]);
  });

  test("a key-value that is a macro nobody filled in is none, also where any value will do", async () => {
    const app = await server({ lineItems: [item("a", 10, { targeting: { keyValues: { genre: ["*"] } } })] });
    expect([ids(await ask(app, "genre=[GENRE]")), ids(await ask(app, "genre=news"))]).toEqual([[], ["ad-a"]]);
  });

  test("what robots ask for holds no goal back", async () => {
    const lineItems = [item("few", 10, { goal: { impressions: 2, pacing: "asap" } })];
    const app = await server({ lineItems });
    for (const session of ["r1", "r2", "r3"]) {
      expect(ids(await ask(app, `session=${session}`, { "user-agent": "Googlebot/2.1" }))).toEqual(["ad-few"]);
    }
    expect(ids(await ask(app, "session=v1", { "sec-purpose": "prefetch" }))).toEqual(["ad-few"]);
    expect(ids(await ask(app, "session=v1"))).toEqual(["ad-few"]);
    expect(ids(await ask(app, "session=v2"))).toEqual(["ad-few"]);
    expect(ids(await ask(app, "session=v3"))).toEqual([]);
  });

  test("an impression that was acknowledged counts for its goal, also where its process ends the moment after", async () => {
    const lineItems = [item("once", 10, { goal: { impressions: 1, pacing: "asap" } })];
    const campaigns = parseCampaigns(JSON.stringify({ version: 1, lineItems }), "c.json");
    tracking = testTracking({ query: database.query });
    let isEnding = false;
    const query: Database["query"] = (sql, values) =>
      isEnding ? new Promise(() => undefined) : database.query(sql, values);
    const app = await buildApp({ query, tracking, crs: undefined, config: { ...testConfig(), campaigns } });
    const document = await ask(app, "session=1");
    isEnding = true;
    await watch(app, document);
    expect(ids(await ask(await server({ lineItems }), "session=2"))).toEqual([]);
  });

  test("fills the avail that duration or tl tells, a macro that nobody filled in counts as not told", async () => {
    const app = await server({ lineItems: [item("a", 30), item("b", 20), item("c", 10)] });
    const count = async (query: string): Promise<number> => (await ask(app, query)).ads.length;
    expect(await count("duration=60")).toBe(3);
    expect(await count("duration=60&maxads=2")).toBe(2);
    expect(await count("tl=l,60,1,m")).toBe(1);
    expect(await count("duration=9")).toBe(0);
    expect(await count("duration=[BREAKMAXDURATION]&maxads=-1")).toBe(1);
    expect(await count("duration=60&duration=10")).toBe(3);
  });

  test("key-values are every parameter that has no other meaning, and the pairs of k; values in any case", async () => {
    const targeting = { keyValues: { genre: ["Sport"] } };
    const app = await server({ lineItems: [item("a", 10, { targeting })] });
    const count = async (query: string): Promise<number> => (await ask(app, query)).ads.length;
    expect(await count("genre=sport")).toBe(1);
    expect(await count("genre=drama&genre=SPORT")).toBe(1);
    expect(await count("k=lang%3Dde%3Bgenre%3Ddrama%2Csport")).toBe(1);
    expect(await count("genre=drama")).toBe(0);
    expect(await count("k=genre")).toBe(0);
    expect(await count("__proto__=sport&constructor=sport")).toBe(0);
  });

  test("the device is the viewer's, also where a server asks for it, and the tag may name it", async () => {
    const app = await server({ lineItems: [item("a", 10, { targeting: { devices: ["phone"] } })] });
    const count = async (query: string, headers = {}): Promise<number> => (await ask(app, query, headers)).ads.length;
    expect(await count("")).toBe(0);
    expect(await count("", { "user-agent": PHONE })).toBe(1);
    expect(await count("", { "x-device-user-agent": PHONE })).toBe(1);
    expect(await count("", { "x-device-user-agent": BROWSER, "user-agent": PHONE })).toBe(0);
    expect(await count("device=phone")).toBe(1);
  });

  test("a viewer who was shown a capped ad twice does not get it a third time; the next viewer does", async () => {
    const lineItems = [
      item("capped", 10, { frequency: [{ impressions: 2, hours: 1 }] }),
      item("house", 10, { priority: 9 }),
    ];
    const app = await server({ lineItems });
    const shown: (string | undefined)[] = [];
    for (const place of ["one", "two", "three"]) {
      const document = await ask(app, `session=viewer-1&break=${place}`);
      shown.push(...ids(document));
      await watch(app, document);
    }
    expect(shown).toEqual(["ad-capped", "ad-capped", "ad-house"]);
    expect(ids(await ask(app, "session=viewer-2"))).toEqual(["ad-capped"]);
    const restarted = await server({ lineItems });
    expect(ids(await ask(restarted, "session=viewer-1&break=four"))).toEqual(["ad-house"]);
  });

  test("a viewer whom the tag names is the same in every session, and its id is not in the tracking URLs", async () => {
    const app = await server({ lineItems: [item("capped", 10, { frequency: [{ impressions: 1, hours: 1 }] })] });
    const document = await ask(app, "session=monday&viewer=somebody@home.example");
    expect(JSON.stringify(document)).not.toContain("somebody");
    await watch(app, document);
    expect(ids(await ask(app, "session=tuesday&viewer=somebody@home.example"))).toEqual([]);
    expect(ids(await ask(app, "session=tuesday&viewer=another"))).toEqual(["ad-capped"]);
  });

  test("an ad that was answered and not seen yet counts against the cap already", async () => {
    const app = await server({ lineItems: [item("capped", 10, { frequency: [{ impressions: 1, hours: 1 }] })] });
    expect(ids(await ask(app, "session=hasty&break=one"))).toEqual(["ad-capped"]);
    expect(ids(await ask(app, "session=hasty&break=two"))).toEqual([]);
  });

  test("bumpers frame the ads in sequence, track as bumpers, and leave the ads their positions", async () => {
    const app = await server({
      lineItems: [item("in", 5, { bumper: "first" }), item("a", 10), item("out", 5, { bumper: "last" })],
    });
    const document = await ask(app, "session=s&duration=30&position=3");
    expect(document.ads.map(({ ad }) => [ad.id, ad.sequence])).toEqual([
      ["ad-in", 1],
      ["ad-a", 2],
      ["ad-out", 3],
    ]);
    const urls = document.ads.map(({ ad }) => new URL(ad.impressions[0] ?? ""));
    expect(urls.map(({ pathname, searchParams }) => [pathname, searchParams.get("position")])).toEqual([
      ["/track/bumper", "0"],
      ["/track/impression", "3"],
      ["/track/bumper", "0"],
    ]);
    expect(document.ads.map(({ ad }) => [ad.errors.length, ad.creatives[0]?.trackers.length])).toEqual([
      [0, 0],
      [1, 10],
      [0, 0],
    ]);
  });

  test("companions come with their resource, their click and their view, which are told apart from the film's", async () => {
    const common = { width: 300, height: 250 };
    const companions = [
      {
        id: "one",
        ...common,
        image: "/one.png",
        type: "image/png",
        clickThrough: "/more",
        altText: "Tea & more",
        adSlotId: "side",
      },
      { id: "two", ...common, html: "<b>]]></b>" },
      { id: "three", ...common, iframe: "https://ads.example/frame" },
    ];
    const app = await server({ lineItems: [item("a", 10, { companions })] });
    const [entry] = (await ask(app, "session=s")).ads;
    const found = entry?.ad.companions ?? [];
    expect(found.map(({ resources }) => resources[0])).toEqual([
      { kind: "static", creativeType: "image/png", value: "http://localhost:8080/one.png" },
      { kind: "html", creativeType: undefined, value: "<b>]]></b>" },
      { kind: "iframe", creativeType: undefined, value: "https://ads.example/frame" },
    ]);
    expect(found[0]).toMatchObject({ ...common, adSlotId: "side", altText: "Tea & more", required: "none" });
    expect(found[0]?.clickThrough).toBe("http://localhost:8080/more");
    expect(found[0]?.clickTrackers[0]).toContain("/track/companionClick?");
    const views = found.map(({ trackers }) => new URL(trackers[0]?.url ?? ""));
    expect(
      views.map(({ pathname, searchParams }) => [pathname, searchParams.get("creative"), searchParams.get("n")]),
    ).toEqual([
      ["/track/companionView", "one", null],
      ["/track/companionView", "two", null],
      ["/track/companionView", "three", null],
    ]);
    expect(entry?.ad.creatives).toHaveLength(1);
  });

  test("in a pod that is measured, a wrapper may stand for one ad only; asked for by name, for any number", async () => {
    const wrapper = { id: "w", priority: 1, duration: 20, wrapper: "https://other.example/tag" };
    const app = await server({ lineItems: [wrapper, item("b", 10)] });
    const find = (document: VastDocument) => document.ads.find(({ kind }) => kind === "wrapper");
    expect(find(await ask(app, "duration=30"))).toMatchObject({ kind: "wrapper", allowMultipleAds: false });
    expect(find(await ask(app, "li=w"))).toMatchObject({ kind: "wrapper", allowMultipleAds: true });
  });

  test("what was asked and what was offered is noted: no fill too, bumpers not", async () => {
    const campaigns = parseCampaigns(
      JSON.stringify({ version: 1, lineItems: [item("in", 5, { bumper: "first" }), item("a", 10)] }),
      "c.json",
    );
    const noted: NotedEvent[] = [];
    const tracking = {
      ...testTracking({ query: database.query }),
      note: (event: NotedEvent) => void noted.push(event),
    };
    const app = await testApp({ query: database.query, tracking, config: { ...testConfig(), campaigns } });
    await ask(app, "session=s&break=mid&duration=20&position=2");
    await ask(app, "session=s&break=post&duration=4");
    await ask(app, "session=s&break=named&li=a");
    const place = { zone: "1", session: "s" };
    expect(noted).toEqual([
      { event: "adRequest", ...place, breakId: "mid", lineItem: undefined, adsOffered: 1 },
      { event: "adOffered", ...place, breakId: "mid", lineItem: "a", position: 2, ad: "ad-a", creative: "ad-a" },
      { event: "adRequest", ...place, breakId: "post", lineItem: undefined, adsOffered: 0 },
      { event: "adRequest", ...place, breakId: "named", lineItem: "a", adsOffered: 1 },
      { event: "adOffered", ...place, breakId: "named", lineItem: "a", position: 1, ad: "ad-a", creative: "ad-a" },
    ]);
  });

  test("a line item that is named is served whatever its terms, but not outside its flight and its zones", async () => {
    const app = await server({
      lineItems: [
        item("picky", 10, { targeting: { devices: ["tv"] }, frequency: [{ impressions: 1, hours: 1 }] }),
        item("over", 10, { flight: { end: "2020-01-01T00:00:00Z" } }),
        item("elsewhere", 10, { zones: ["2"] }),
      ],
    });
    expect(ids(await ask(app, "li=picky"))).toEqual(["ad-picky"]);
    expect([ids(await ask(app, "li=over")), ids(await ask(app, "li=elsewhere"))]).toEqual([[], []]);
  });

  test("ads are picked although the database cannot be read; those with a cap or a goal are not", async () => {
    const campaigns = parseCampaigns(
      JSON.stringify({
        version: 1,
        lineItems: [
          item("capped", 10, { frequency: [{ impressions: 1, hours: 1 }] }),
          item("sold", 10, { goal: { impressions: 5, pacing: "asap" } }),
          item("house", 10),
        ],
      }),
      "c.json",
    );
    const app = await testApp({
      query: async () => Promise.reject(new Error("away")),
      tracking: testTracking({ query: database.query }),
      config: { ...testConfig(), campaigns },
    });
    expect(ids(await ask(app, "session=s&duration=60"))).toEqual(["ad-house"]);
  });
});

describe("GET /healthz", () => {
  test("says that the campaign file cannot be used, not what is in it", async () => {
    const campaignFile = join(import.meta.dirname, "no-such-file.json");
    const app = await testApp({ query: database.query, config: { ...testConfig(), campaignFile } });
    const health = async (): Promise<unknown> => (await app.inject("/healthz")).json();
    await vi.waitFor(async () => expect(await health()).toEqual({ status: "ok", campaigns: "outdated" }));
    const answer = await app.inject({ url: "/ads/vast?zone=1&li=mp4", headers: { host: "localhost" } });
    expect(answer.body).toContain("<MediaFile");
  });
});

describe("GET /ads/vmap of a schedule whose breaks name no line item", () => {
  const schedules = [
    {
      id: "film",
      breaks: [
        { id: "pre", timeOffset: "start", duration: 20, maxAds: 1 },
        { id: "mid", timeOffset: "50%", duration: 30 },
        { id: "post", timeOffset: "end", lineItem: "c" },
      ],
    },
  ];

  test("each break is picked, and a cap counts over all of them", async () => {
    const capped = { frequency: [{ impressions: 1, hours: 1 }] };
    const app = await server({
      lineItems: [item("a", 20, capped), item("b", 10, { priority: 2 }), item("c", 10, { priority: undefined })],
      schedules,
    });
    const answer = await app.inject({
      url: "/ads/vmap?zone=1&session=vmap&schedule=film",
      headers: { host: "localhost" },
    });
    const { breaks } = parseVmap(readXml(answer.body, parseXml));
    const found = breaks.map(({ source }) =>
      source.kind === "vast" && typeof source.vast !== "string" ? ids(parseVast(source.vast)) : [],
    );
    expect(found).toEqual([["ad-a"], ["ad-b"], ["ad-c"]]);
  });

  test("its later breaks are under way for hours, so that a goal is not passed by viewers who are not there yet", async () => {
    const breaks = [{ id: "mid", timeOffset: "00:20:00.000", maxAds: 1 }];
    const lineItems = [item("sold-late", 10, { goal: { impressions: 1, pacing: "asap" } })];
    let now = Date.now();
    const campaigns = parseCampaigns(
      JSON.stringify({ version: 1, lineItems, schedules: [{ id: "film", breaks }] }),
      "c.json",
    );
    const app = await testApp({ query: database.query, now: () => now, config: { ...testConfig(), campaigns } });
    const countAds = async (session: string): Promise<number> => {
      const url = `/ads/vmap?zone=1&session=${session}&schedule=film`;
      const { body } = await app.inject({ url, headers: { host: "localhost", "user-agent": BROWSER } });
      return body.split("<Ad ").length - 1;
    };
    expect(await countAds("first")).toBe(1);
    now += 20 * 60_000;
    expect(await countAds("second")).toBe(0);
    now += 4 * 3_600_000;
    expect(await countAds("third")).toBe(1);
  });

  test("a tag for each break says again who watches what, and how long the break is", async () => {
    const app = await server({ lineItems: [item("c", 10)], schedules });
    const url =
      "/ads/vmap?zone=1&session=s&schedule=film&source=tag&genre=sport&genre=news&viewer=me&k=a%3Db&position=2";
    const answer = await app.inject({ url, headers: { host: "localhost" } });
    const { breaks } = parseVmap(readXml(answer.body, parseXml));
    const tags = breaks.map(({ source }) =>
      new URL(source.kind === "tag" ? source.url : "about:blank").searchParams.toString(),
    );
    const viewer = "genre=sport&genre=news&viewer=me&k=a%3Db&zone=1&session=s";
    expect(tags).toEqual([
      `duration=20&maxads=1&${viewer}&break=pre&position=2`,
      `duration=30&${viewer}&break=mid&position=2`,
      `li=c&${viewer}&break=post&position=2`,
    ]);
  });
});
