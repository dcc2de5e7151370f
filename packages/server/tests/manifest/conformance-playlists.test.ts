/** Facts of docs/conformance.md about playlists that only the whole manifest server shows. */
import { describe, expect, test } from "vitest";
import {
  type AdSpec,
  addHlsAd,
  type Flow,
  flowWorld,
  listSegments,
  liveWindow,
  vast,
  vmap,
  vodContent,
} from "./flow-world.ts";

const LOW = "/content/low.m3u8";
const HIGH = "/content/high.m3u8";
const SPOT: AdSpec = { id: "spot", duration: 4 };
const AVAIL = { 2: "#EXT-X-CUE-OUT:ID=a,DURATION=4", 4: "#EXT-X-CUE-IN:ID=a" } as const;

async function vodWorld(tags: Readonly<Record<number, string>>): Promise<Flow> {
  const world = await flowWorld((origin) => ({ adTagUrl: `${origin}/map`, availTagUrl: `${origin}/avail` }));
  for (const path of [LOW, HIGH]) world.pages.set(path, vodContent(8, tags));
  world.pages.set("/avail", vast(world.origin.origin, [SPOT]));
  addHlsAd(world.pages, SPOT);
  return world;
}

async function textOf(world: Flow, url: string | undefined): Promise<string> {
  return (await world.get(url ?? "")).text;
}

describe("bootstrap parameters", () => {
  test("pttagds=true puts EXT-X-DISCONTINUITY-SEQUENCE before the content, in VOD and live", async () => {
    const vod = await vodWorld(AVAIL);
    const media = await vod.open("live=false&ptmulticall=true&pttagds=true");
    expect(await textOf(vod, media.get("500"))).toMatch(/^#EXTM3U\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n/);
    const plain = await vod.open("live=false&ptmulticall=true");
    expect(await textOf(vod, plain.get("500"))).not.toContain("DISCONTINUITY-SEQUENCE");

    vod.pages.set(LOW, liveWindow(100, 6));
    vod.clock.now += 10_000;
    const live = await vod.open("live=true&pttagds=true");
    expect(await textOf(vod, live.get("500"))).toMatch(/#EXT-X-DISCONTINUITY-SEQUENCE:\d+\n(?:#.*\n)*#EXTINF/);
  });

  test("ptcueformat says which tags are cues, in any case", async () => {
    const world = await vodWorld({ ...AVAIL, 6: '#EXT-X-CUE:TYPE="SpliceOut",ID="b",TIME=12,DURATION=4' });
    const askedFor = async (query: string): Promise<readonly (string | null)[]> => {
      const before = world.asked.length;
      await textOf(world, (await world.open(`live=false&ptmulticall=true${query}`)).get("500"));
      const calls = world.asked.slice(before).filter((path) => path.startsWith("/avail"));
      return calls.map((path) => new URL(path, world.origin.origin).searchParams.get("break"));
    };
    expect(await askedFor("")).toEqual(["a", "b"]);
    expect(await askedFor("&ptcueformat=DPISimple")).toEqual(["b"]);
    expect(await askedFor("&ptcueformat=Elemental")).toEqual(["a"]);
  });

  test("enableC3=true replaces local avails and leaves the national ones as they are", async () => {
    const national = '#EXT-X-SCTE35:TYPE="scte35",ID="n",TIME=2,DURATION=4,CUE="NATIONAL"';
    const local = '#EXT-X-SCTE35:TYPE="scte35",ID="l",TIME=8,DURATION=4,CUE="LOCAL"';
    const world = await vodWorld({
      1: national.replace("NATIONAL", PROVIDER_AD),
      4: local.replace("LOCAL", DISTRIBUTOR_AD),
    });
    const shown = async (query: string): Promise<string> => {
      const media = await world.open(`live=false&ptmulticall=true&${query}`);
      return listSegments(await textOf(world, media.get("500"))).join(" ");
    };
    expect(await shown("enableC3=true")).toBe("c0 c1 c2 c3 low-spot-0 low-spot-1 c6 c7");
    expect(await shown("enableC3=false")).toBe("c0 low-spot-0 low-spot-1 c3 low-spot-0 low-spot-1 c6 c7");
  });

  test("ptplayer=ios-mobileweb has CRS put timed metadata into the copies", async () => {
    const world = await vodWorld({});
    const film = vast(world.origin.origin, [{ id: "film", duration: 4, type: "mp4" }]);
    world.pages.set("/map", vmap([{ id: "mid", at: "00:00:08.000", vast: film }]));
    await textOf(world, (await world.open("live=false&ptplayer=ios-mobileweb")).get("500"));
    await textOf(world, (await world.open("live=false")).get("500"));
    expect(world.orders.map(({ id3 }) => id3)).toEqual([true, undefined]);
  });
});

/** time_signal with a segmentation descriptor of 4 s: Provider Advertisement Start (0x30), Distributor Advertisement Start (0x32). */
const PROVIDER_AD = "/DAsAAAAAAAA///wBQb+AAAAAAAWAhRDVUVJAAAAMH//AAAFfkAAADABAjzNxjM=";
const DISTRIBUTOR_AD = "/DAsAAAAAAAA///wBQb+AAAAAAAWAhRDVUVJAAAAMn//AAAFfkAAADIBAur1LoA=";

test("sound of its own and pictures that are asked for at once show the same ads at the same place", async () => {
  const world = await flowWorld((origin) => ({ adTagUrl: `${origin}/vast` }));
  const { pages } = world;
  const fragmented = (text: string): string =>
    text.replace("#EXTINF", '#EXT-X-MAP:URI="init.mp4"\n#EXTINF').replace("#EXTM3U", "#EXTM3U\n#EXT-X-VERSION:7");
  const sound = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="S",DEFAULT=YES,URI="sound.m3u8"';
  for (const folder of ["/content", "/ads/spot"]) {
    pages.set(`${folder}/master.m3u8`, `#EXTM3U\n${sound}\n#EXT-X-STREAM-INF:BANDWIDTH=500000,AUDIO="s"\nlow.m3u8\n`);
    for (const name of ["low", "sound"])
      pages.set(`${folder}/${name}.m3u8`, fragmented(vodContent(2)).replaceAll("c", `${name}-`));
  }
  pages.set("/vast", vast(world.origin.origin, [SPOT]));
  const show = (first: number): void => {
    world.clock.now += 10_000;
    const cues = { 106: "#EXT-X-CUE-OUT:ID=7,DURATION=4", 108: "#EXT-X-CUE-IN:ID=7" };
    for (const name of ["low", "sound"])
      pages.set(`/content/${name}.m3u8`, fragmented(liveWindow(first, 6, cues, name)));
  };
  show(100);
  const media = await world.open("live=true&ptparallelstream=true");
  const both = async (): Promise<readonly (readonly string[])[]> =>
    Promise.all(["500", "audio"].map(async (slot) => listSegments(await textOf(world, media.get(slot)))));
  await both();
  show(104);
  expect(await both()).toEqual(
    ["low", "sound"].map((name) => [`${name}104`, `${name}105`, `${name}-0`, `${name}-1`, `${name}108`, `${name}109`]),
  );
  expect(world.asked.filter((path) => path.startsWith("/vast"))).toHaveLength(1);
});

test("cookies of the ad server come back to it in the same session, and no viewer is sent them", async () => {
  const world = await flowWorld((origin) => ({ adTagUrl: `${origin}/vast` }));
  addHlsAd(world.pages, SPOT);
  const sent: (string | undefined)[] = [];
  world.pages.set("/vast", (request, response) => {
    sent.push(request.headers.cookie);
    response.setHeader("set-cookie", "uid=7; Path=/").end(vast(world.origin.origin, [SPOT]));
  });
  const show = (first: number, cue: Readonly<Record<number, string>> = {}): void => {
    world.clock.now += 10_000;
    for (const path of [LOW, HIGH]) world.pages.set(path, liveWindow(first, 6, cue));
  };
  const watch = async (media: ReadonlyMap<string, string>): Promise<void> => {
    expect((await world.get(media.get("500") ?? "")).headers.get("set-cookie")).toBeNull();
  };
  show(100);
  const [one, other] = [await world.open("live=true"), await world.open("live=true")];
  await watch(one);
  show(104, { 106: "#EXT-X-CUE-OUT:ID=1,DURATION=4" });
  await watch(one);
  show(110, { 112: "#EXT-X-CUE-OUT:ID=2,DURATION=4" });
  await watch(one);
  await watch(other);
  show(116, { 118: "#EXT-X-CUE-OUT:ID=3,DURATION=4" });
  await watch(other);
  // Two breaks of one session, then two of the other.
  expect(sent).toEqual([undefined, "uid=7", undefined, "uid=7"]);
});
