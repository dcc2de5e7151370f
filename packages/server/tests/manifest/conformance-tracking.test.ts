/** Facts of docs/conformance.md about tracking that only the whole manifest server shows. */
import type { IncomingHttpHeaders } from "node:http";
import { describe, expect, test } from "vitest";
import { type AdSpec, addHlsAd, type Flow, flowWorld, listSegments, MASTER, vast, vodContent } from "./flow-world.ts";

const SPOT: AdSpec = { id: "spot", duration: 4 };
/** time_signal: Provider Placement Opportunity Start, 4 s. */
const OPPORTUNITY = "/DAsAAAAAAAA///wBQb+AAAAAAAWAhRDVUVJAAAANH//AAAFfkAAADQBApR9CuI=";

/** Content of 8 s with an avail of 4 s at 4 s, in two renditions. */
async function trackedWorld(): Promise<Flow> {
  const world = await flowWorld((origin) => ({ adTagUrl: `${origin}/avail` }));
  const cues = { 2: `#EXT-X-SCTE35:TYPE="scte35",ID="a",DURATION=4,CUE="${OPPORTUNITY}"` };
  for (const name of ["low", "high"]) world.pages.set(`/content/${name}.m3u8`, vodContent(4, cues));
  world.pages.set("/avail", vast(world.origin.origin, [SPOT]));
  addHlsAd(world.pages, SPOT);
  return world;
}

const position = (url: string | undefined): string => `${url}&pttrackingposition=1`;

describe("the sidecar of a stream", () => {
  test("is 500 before its playlist, 200 with ads, 201 without any, and 404 once the player has left it", async () => {
    const world = await trackedWorld();
    const media = await world.open("live=false&ptmulticall=true&pttrackingmode=simple");
    const [low, high] = [media.get("500"), media.get("2000")];
    expect((await world.get(position(low))).status).toBe(500);
    await world.get(low ?? "");
    expect((await world.get(position(low))).status).toBe(200);
    expect((await world.get(position(high))).status).toBe(500);
    await world.get(high ?? "");
    expect((await world.get(position(high))).status).toBe(200);
    const left = await world.get(position(low));
    expect([left.status, left.headers.get("cache-control")]).toEqual([404, "no-store"]);

    world.pages.set("/avail", '<VAST version="4.2"/>');
    const bare = await world.open("live=false&ptmulticall=true&pttrackingmode=simple");
    await world.get(bare.get("500") ?? "");
    const none = await world.get(position(bare.get("500")));
    expect([none.status, none.text]).toEqual([201, ""]);
  });

  test("has the form that pttrackingversion names, v1 where it names none", async () => {
    const world = await trackedWorld();
    const forms: string[] = [];
    for (const version of ["", "v1", "v2", "v3", "vmap", "v9"]) {
      const media = await world.open(`live=false&ptmulticall=true&pttrackingmode=simple&pttrackingversion=${version}`);
      await world.get(media.get("500") ?? "");
      forms.push((await world.get(position(media.get("500")))).text);
    }
    const [absent, v1, v2, v3, vmap, unknown] = forms;
    expect(Object.keys(JSON.parse(v1 ?? ""))).toEqual(["start", "end", "adtracking"]);
    expect([absent, unknown]).toEqual([v1, v1]);
    expect(Object.keys(JSON.parse(v2 ?? ""))).toEqual(["startTime", "endTime", "pods"]);
    expect(JSON.parse(v3 ?? "")).toMatchObject({ vmap: { "vmap:VMAP": { "@version": "1.0" } } });
    expect(vmap).toMatch(/<vmap:VMAP version="1\.0\.1"/);
  });

  test("has the cue's section with scteTracking=true, at its time in the stitched playlist", async () => {
    const world = await trackedWorld();
    const query = "live=false&ptmulticall=true&pttrackingmode=simple&pttrackingversion=v2&ptcueformat=DPIScte35";
    const read = async (more: string): Promise<unknown> => {
      const media = await world.open(query + more);
      await world.get(media.get("500") ?? "");
      return JSON.parse((await world.get(position(media.get("500")))).text);
    };
    expect(await read("&scteTracking=true")).toMatchObject({
      scte35: [{ offset: 4, tagName: "EXT-X-SCTE35", tagAttributes: { ID: "a", CUE: OPPORTUNITY } }],
      pods: [{ startTime: 4, duration: 4 }],
    });
    expect(await read("")).not.toHaveProperty("scte35");
  });
});

test("without pttrackingmode the ad segments carry EXT-X-MARKER, the content and the master none", async () => {
  const world = await trackedWorld();
  const media = await world.open("live=false&ptmulticall=true");
  const { text } = await world.get(media.get("500") ?? "");
  const lines = text.split("\n").filter((line) => line.startsWith("#EXT-X-MARKER") || line.endsWith(".ts"));
  const types = lines.map((line) => /TYPE=(\w+)/.exec(line)?.[1] ?? listSegments(line)[0]);
  expect(types).toEqual("c0 c1 PodBegin AdBegin low-spot-0 PodEnd low-spot-1 c2 c3".split(" "));
  const content = `${world.origin.origin}/content/master.m3u8`;
  const opened = await world.get(`/auditude/variant/show/${Buffer.from(content).toString("base64url")}.m3u8?z=1`);
  const master = await world.get(opened.headers.get("location") ?? "");
  expect(master.text.split("\n").length).toBe(MASTER.split("\n").length);
  expect(master.text).not.toContain("MARKER");
});

describe("a player that fetches ad segments", () => {
  const beacon = (world: Flow, event: string): Promise<IncomingHttpHeaders> =>
    new Promise((resolve) => {
      world.pages.set(`/beacon/spot/${event}`, ({ headers }, response) => {
        response.end();
        resolve(headers);
      });
    });

  test.each(["sstm", "simplesstm"])("causes each beacon, in its own name, with pttrackingmode=%s", async (mode) => {
    const world = await trackedWorld();
    const [impression, midpoint] = [beacon(world, "impression"), beacon(world, "midpoint")];
    const media = await world.open(`live=false&ptmulticall=true&pttrackingmode=${mode}`);
    const { text } = await world.get(media.get("500") ?? "");
    expect(text).not.toContain("MARKER");
    const links = text.split("\n").filter((line) => line.includes("/auditude/segment/"));
    expect(links).toHaveLength(2);
    const first = await world.get(links[0] ?? "");
    expect([first.status, first.headers.get("location")]).toEqual([
      302,
      `${world.origin.origin}/ads/spot/low-spot-0.ts`,
    ]);
    expect(await impression).toMatchObject({
      "x-forwarded-for": "127.0.0.1",
      "user-agent": expect.stringMatching(/./),
      "x-device-user-agent": expect.stringMatching(/./),
    });
    expect(world.asked.filter((path) => path.startsWith("/beacon/spot/midpoint"))).toEqual([]);
    await world.get(links[1] ?? "");
    await midpoint;
    for (const link of links) await world.get(link);
    expect(world.asked.filter((path) => path.startsWith("/beacon/")).toSorted()).toEqual([
      "/beacon/spot/impression",
      "/beacon/spot/midpoint",
    ]);
  });

  test("simplesstm leaves to the sidecar what playing does not cause", async () => {
    const world = await trackedWorld();
    const events = async (mode: string): Promise<readonly string[]> => {
      const query = `live=false&ptmulticall=true&pttrackingversion=v2&pttrackingmode=${mode}`;
      const media = await world.open(query);
      await world.get(media.get("500") ?? "");
      const { text } = await world.get(position(media.get("500")));
      return [...text.matchAll(/"event":"(\w+)"/g)].map(([, event = ""]) => event);
    };
    world.pages.set(
      "/avail",
      vast(world.origin.origin, [SPOT]).replace(
        "</TrackingEvents>",
        "</TrackingEvents><VideoClicks><ClickThrough>https://shop.example/</ClickThrough></VideoClicks>",
      ),
    );
    expect(await events("simple")).toEqual(["impression", "midpoint", "clickThrough"]);
    expect(await events("simplesstm")).toEqual(["clickThrough"]);
  });
});
