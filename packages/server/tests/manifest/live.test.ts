/** Live: pre-roll, mid-rolls, the viewer's entry, holding back, early return. The whole manifest server over a real origin. */
import { describe, expect, test } from "vitest";
import { createMemorySessions } from "../../src/manifest/session/session-memory.ts";
import type { SessionStore } from "../../src/manifest/session/session.ts";
import type { ZoneManifest } from "../../src/manifest/zone-manifest.ts";
import { type AdSpec, addHlsAd, type Flow, flowWorld, listSegments, liveWindow, MASTER, vast } from "./flow-world.ts";

const LOW = "/content/low.m3u8";
const HIGH = "/content/high.m3u8";
const SPOT: AdSpec = { id: "spot", duration: 6 };
const PRE: AdSpec = { id: "pre", duration: 4 };

/** One avail of 6 s before segment 106. */
const CUES = {
  106: "#EXT-X-CUE-OUT:ID=7,DURATION=6",
  107: "#EXT-X-CUE-OUT-CONT:2/6",
  108: "#EXT-X-CUE-OUT-CONT:4/6",
  109: "#EXT-X-CUE-IN:ID=7",
} as const;

async function liveWorld(tags: readonly ("pre" | "mid")[], store?: SessionStore): Promise<Flow> {
  const manifest = (origin: string): Partial<ZoneManifest> => ({
    adTagUrl: tags.includes("mid") ? `${origin}/vast` : undefined,
    preRollTagUrl: tags.includes("pre") ? `${origin}/preroll` : undefined,
  });
  const world = await flowWorld(manifest, store && { store });
  world.pages.set("/vast", vast(world.origin.origin, [SPOT]));
  world.pages.set("/preroll", vast(world.origin.origin, [PRE]));
  addHlsAd(world.pages, SPOT);
  addHlsAd(world.pages, PRE);
  show(world, 100);
  return world;
}

/** The content moves on: both renditions list a window from `first` on, and what caches hold is old. */
function show(world: Flow, first: number, tags: Readonly<Record<number, string>> = CUES, count = 6): void {
  world.clock.now += 10_000;
  world.pages.set(LOW, liveWindow(first, count, tags, "low"));
  world.pages.set(HIGH, liveWindow(first, count, tags, "high"));
}

async function segmentsOf(world: Flow, url: string | undefined): Promise<readonly string[]> {
  return listSegments((await world.get(url ?? "")).text);
}

describe("a live mid-roll", () => {
  test("takes the place of the avail's content, its rendition matched, the same in every rendition", async () => {
    const world = await liveWorld(["mid"]);
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    show(world, 104);
    expect(await segmentsOf(world, media.get("500"))).toEqual(
      "low104 low105 low-spot-0 low-spot-1 low-spot-2 low109".split(" "),
    );
    expect(await segmentsOf(world, media.get("2000"))).toEqual(
      "high104 high105 high-spot-0 high-spot-1 high-spot-2 high109".split(" "),
    );
    expect(world.asked.filter((path) => path.startsWith("/vast"))).toHaveLength(1);
  });

  test("is asked for with the avail's id and length, and with every parameter of the client, known or not", async () => {
    const world = await liveWorld(["mid"]);
    const media = await world.open("live=true&k=sport%3Dtennis&whatever=%2B1&g=1000002");
    await world.get(media.get("500") ?? "");
    show(world, 104);
    await world.get(media.get("500") ?? "");
    const [request = ""] = world.asked.filter((path) => path.startsWith("/vast"));
    const query = new URL(request, world.origin.origin).searchParams;
    expect(Object.fromEntries(query)).toMatchObject({
      z: "1",
      k: "sport=tennis",
      whatever: "+1",
      g: "1000002",
      live: "true",
      break: "7",
      duration: "6",
    });
  });

  test("an avail that is running when the viewer comes stays content", async () => {
    const world = await liveWorld(["mid"]);
    show(world, 104);
    const media = await world.open("live=true&vetargetmultiplier=1&vebufferLength=1");
    expect(await segmentsOf(world, media.get("500"))).toEqual("low104 low105 low106 low107 low108 low109".split(" "));
    expect((await world.metrics()).match(/interlude_skipped_ads_total\{reason="policy"\} (\d+)/)?.[1]).toBe("1");
  });

  test("an ad server that is slower than a refresh has the avail held back, and its pod is shown when it has answered", async () => {
    const world = await liveWorld(["mid"]);
    let answer = (): void => undefined;
    world.pages.set("/vast", (_request, response) => {
      answer = () => response.end(vast(world.origin.origin, [SPOT]));
    });
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    show(world, 102);
    expect(await segmentsOf(world, media.get("500"))).toEqual("low102 low103 low104 low105".split(" "));
    answer();
    world.clock.now += 1000;
    world.pages.set(LOW, liveWindow(103, 6, CUES, "low"));
    world.clock.now += 900;
    const shown = await segmentsOf(world, media.get("500"));
    expect(shown.slice(0, 4)).toEqual("low103 low104 low105 low-spot-0".split(" "));
  });

  test("an avail that is not decided within a target duration is content for good", async () => {
    const world = await liveWorld(["mid"]);
    world.pages.set("/vast", () => undefined);
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    show(world, 102);
    await world.get(media.get("500") ?? "");
    show(world, 104);
    expect(await segmentsOf(world, media.get("500"))).toEqual("low104 low105 low106 low107 low108 low109".split(" "));
    expect(await segmentsOf(world, media.get("2000"))).toEqual(
      "high104 high105 high106 high107 high108 high109".split(" "),
    );
    expect(await world.metrics()).toMatch(/interlude_skipped_ads_total\{reason="ads-timeout"\} 1/);
    const skipped = world.log.filter((fields) => "creativeId" in fields);
    expect(skipped, "once, however many renditions show it").toMatchObject([{ break: "7", reason: "ads-timeout" }]);
  });

  test("ends where the content returns early, for renditions without cues too", async () => {
    const world = await liveWorld(["mid"]);
    const open = { 106: "#EXT-X-CUE-OUT:ID=7,DURATION=6" };
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    show(world, 102, open);
    expect(await segmentsOf(world, media.get("500"))).toEqual(
      "low102 low103 low104 low105 low-spot-0 low-spot-1".split(" "),
    );
    show(world, 104, { ...open, 108: "#EXT-X-CUE-IN:ID=7" });
    world.pages.set(HIGH, liveWindow(104, 6, {}, "high"));
    expect(await segmentsOf(world, media.get("500"))).toEqual(
      "low104 low105 low-spot-0 low-spot-1 low108 low109".split(" "),
    );
    expect(await segmentsOf(world, media.get("2000"))).toEqual(
      "high104 high105 high-spot-0 high-spot-1 high108 high109".split(" "),
    );
  });

  test("of a length that nobody signalled ends where the content returns", async () => {
    const world = await liveWorld(["mid"]);
    const open = { 106: "#EXT-X-CUE-OUT:ID=7" };
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    show(world, 102, open);
    await world.get(media.get("500") ?? "");
    show(world, 103, { ...open, 108: "#EXT-X-CUE-IN:ID=7" });
    expect(await segmentsOf(world, media.get("500"))).toEqual(
      "low103 low104 low105 low-spot-0 low-spot-1 low108".split(" "),
    );
  });

  test.each(["500", "1000"])(
    "has the same numbers in a rendition that was left, or never seen, before it: %s",
    async (slot) => {
      const world = await liveWorld(["mid"]);
      const medium = "#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=960x540\nmedium.m3u8\n";
      world.pages.set("/content/master.m3u8", `${MASTER}${medium}`);
      const media = await world.open("live=true");
      await world.get(media.get("500") ?? "");
      const early = { ...CUES, 108: "#EXT-X-CUE-IN:ID=7" };
      for (const first of [102, 104, 107, 110, 115]) {
        show(world, first, early);
        await world.get(media.get("2000") ?? "");
      }
      world.pages.set("/content/medium.m3u8", liveWindow(115, 6, early, "medium"));
      const numbers = async (each: string): Promise<readonly string[] | null> =>
        (await world.get(media.get(each) ?? "")).text.match(/#EXT-X-(?:DISCONTINUITY|MEDIA)-SEQUENCE:\d+/g);
      expect(await numbers("2000")).toContain("#EXT-X-DISCONTINUITY-SEQUENCE:2");
      expect(await numbers(slot)).toEqual(await numbers("2000"));
    },
  );

  test("a break that is decided while another request reads its session is not asked for again", async () => {
    const store = createMemorySessions({ maxSessions: 10, idleMs: 1e9, now: () => 0 });
    const decided = Promise.withResolvers<void>();
    let isSlow = false;
    const world = await liveWorld(["mid"], {
      ...store,
      load: async (id) => {
        const state = await store.load(id);
        if (isSlow) await decided.promise;
        return state;
      },
      decide: async (id, decision) => {
        const row = await store.decide(id, decision);
        decided.resolve();
        return row;
      },
    });
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    world.pages.set("/vast", (_request, response) => {
      asked.resolve();
      void gate.promise.then(() => response.end(vast(world.origin.origin, [SPOT])));
    });
    show(world, 104);
    const first = world.get(media.get("500") ?? "");
    await asked.promise;
    isSlow = true;
    const second = world.get(media.get("2000") ?? "");
    gate.resolve();
    await Promise.all([first, second]);
    expect(world.asked.filter((path) => path.startsWith("/vast"))).toHaveLength(1);
    expect(listSegments((await second).text)).toContain("high-spot-0");
  });

  test("an encoder that gives every break the same id has each of them decided", async () => {
    const world = await liveWorld(["mid"]);
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    show(world, 104);
    await world.get(media.get("500") ?? "");
    for (const slot of ["500", "2000"]) {
      show(world, 164, { 166: "#EXT-X-CUE-OUT:ID=7,DURATION=6" });
      expect((await segmentsOf(world, media.get(slot))).slice(2).join(" ")).toMatch(
        /^(\w+)-spot-0 \1-spot-1 \1-spot-2 \w+169$/,
      );
    }
    const calls = world.asked.filter((path) => path.startsWith("/vast"));
    expect(calls.map((path) => new URL(path, world.origin.origin).searchParams.get("break"))).toEqual(["7", "7@2"]);
  });

  test("of such an encoder that has no ads owes its own breakStart in the sidecar, and none of an earlier break", async () => {
    const world = await liveWorld(["mid"]);
    const answer = (name: string): string => {
      const tracking = `<vmap:Tracking event="breakStart">https://t.example/${name}</vmap:Tracking>`;
      const data = '<vmap:AdSource><vmap:VASTAdData><VAST version="3.0"/></vmap:VASTAdData></vmap:AdSource>';
      const list = `<vmap:AdBreak timeOffset="start" breakType="linear">${data}<vmap:TrackingEvents>${tracking}</vmap:TrackingEvents></vmap:AdBreak>`;
      return `<vmap:VMAP xmlns:vmap="http://www.iab.net/videosuite/vmap" version="1.0">${list}</vmap:VMAP>`;
    };
    const media = await world.open("live=true&pttrackingmode=simple&pttrackingversion=v1");
    const address = media.get("500") ?? "";
    await world.get(address);
    for (const [first, name] of [
      [104, "one"],
      [164, "two"],
    ] as const) {
      world.pages.set("/vast", answer(name));
      show(world, first, { [first + 2]: "#EXT-X-CUE-OUT:ID=7,DURATION=6" });
      await world.get(address);
      const sidecar: unknown = JSON.parse((await world.get(`${address}&pttrackingposition=1`)).text);
      expect(sidecar).toMatchObject({
        adtracking: [{ time: 4, trackingurls: [{ url: `https://t.example/${name}` }] }],
      });
    }
  });

  test("a database that fails when a break is to be decided leaves the playlist its numbers, and the break to the content", async () => {
    const failing = { isOn: false };
    const store = createMemorySessions({ maxSessions: 10, idleMs: 1e9, now: () => 0 });
    const world = await liveWorld(["mid"], {
      ...store,
      noteBreak: (...given) => (failing.isOn ? Promise.reject(new Error("away")) : store.noteBreak(...given)),
    });
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    show(world, 104);
    await world.get(media.get("500") ?? "");
    failing.isOn = true;
    show(world, 107, { ...CUES, 111: "#EXT-X-CUE-OUT:ID=8,DURATION=6" });
    const { text } = await world.get(media.get("500") ?? "");
    expect(listSegments(text)).toEqual("low-spot-1 low-spot-2 low109 low110 low111 low112".split(" "));
    expect(text).toContain("#EXT-X-MEDIA-SEQUENCE:107\n");
  });

  test("an ad that the playlist does not take, because it is too long for the avail, has its error URL asked with the reason's number", async () => {
    const world = await liveWorld(["mid"]);
    const long: AdSpec = { id: "long", duration: 20 };
    addHlsAd(world.pages, long);
    const answer = vast(world.origin.origin, [long]);
    world.pages.set(
      "/vast",
      answer.replace("<AdSystem>", `<Error>${world.origin.origin}/beacon/error?c=[ERRORCODE]</Error><AdSystem>`),
    );
    const told = new Promise<string>((resolve) => {
      world.pages.set("/beacon/error", (request, response) => {
        resolve(request.url ?? "");
        response.end();
      });
    });
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    show(world, 104);
    expect(await segmentsOf(world, media.get("500"))).toContain("low106");
    expect(await told).toBe("/beacon/error?c=202");
    expect(world.log).toContainEqual(
      expect.objectContaining({ break: "7", adId: "long", reason: "break-duration-exceeded" }),
    );
  });

  test("under load a break that nobody has seen yet stays content, one that is running goes on", async () => {
    const world = await liveWorld(["mid"]);
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    show(world, 102);
    await world.get(media.get("500") ?? "");
    world.overload.isLean = true;
    const later = { ...CUES, 110: "#EXT-X-CUE-OUT:ID=8,DURATION=6" };
    show(world, 106, later);
    expect(await segmentsOf(world, media.get("500"))).toEqual(
      "low-spot-0 low-spot-1 low-spot-2 low109 low110 low111".split(" "),
    );
    expect(await world.metrics()).toMatch(/interlude_skipped_ads_total\{reason="overload"\} 1/);
  });
});

describe("a content master that is refused once the stream plays, as one whose token has ended is", () => {
  const masterOf = (list: string): string => `${MASTER}#EXT-X-MEDIA:TYPE=${list}\n`;

  test("subtitles still show their breaks", async () => {
    const world = await liveWorld(["mid"]);
    world.pages.set("/content/master.m3u8", masterOf('SUBTITLES,GROUP-ID="s",NAME="e",URI="subtitles.m3u8"'));
    const showAll = (first: number): void => {
      show(world, first);
      world.pages.set("/content/subtitles.m3u8", liveWindow(first, 6, CUES, "subtitles"));
    };
    showAll(100);
    const media = await world.open("live=true");
    for (const slot of ["500", "webvtt"]) await world.get(media.get(slot) ?? "");
    world.pages.set("/content/master.m3u8", (_request, response) => response.writeHead(403).end());
    showAll(104);
    expect((await segmentsOf(world, media.get("500"))).slice(2, 5)).toEqual(
      "low-spot-0 low-spot-1 low-spot-2".split(" "),
    );
    const { text } = await world.get(media.get("webvtt") ?? "");
    expect(text.match(/\/auditude\/webvtt\/blank\.vtt/g)).toHaveLength(3);
  });

  test("fragmented MP4 goes on being stitched", async () => {
    const world = await liveWorld(["mid"]);
    world.pages.set("/content/master.m3u8", masterOf('AUDIO,GROUP-ID="a",NAME="e",URI="sound.m3u8"'));
    const showMapped = (first: number): void => {
      show(world, first);
      const mapped = liveWindow(first, 6, CUES, "low").replace(
        "#EXT-X-PROGRAM",
        '#EXT-X-MAP:URI="init.mp4"\n#EXT-X-PROGRAM',
      );
      world.pages.set(LOW, mapped);
    };
    showMapped(100);
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    world.pages.set("/content/master.m3u8", (_request, response) => response.writeHead(403).end());
    showMapped(104);
    await world.get(media.get("500") ?? "");
    expect(await world.metrics()).not.toContain('outcome="passed-through"');
  });
});

describe("sessions that are away", () => {
  const away = async (): Promise<never> => {
    throw new Error("away");
  };

  test("leave the viewer the content", async () => {
    const world = await liveWorld(["mid"]);
    const media = await world.open("live=true");
    Object.assign(world.store, { load: away });
    show(world, 104);
    expect(await segmentsOf(world, media.get("500"))).toEqual("low104 low105 low106 low107 low108 low109".split(" "));
    expect(await world.metrics()).toContain('{kind="live",outcome="passed-through"} 1\n');
  });

  test("for the moment in which content comes back leave the ads that were listed", async () => {
    const world = await liveWorld(["mid"]);
    const media = await world.open("live=true");
    await world.get(media.get("500") ?? "");
    Object.assign(world.store, { noteResumption: away });
    show(world, 104);
    expect(await segmentsOf(world, media.get("500"))).toEqual(
      "low104 low105 low-spot-0 low-spot-1 low-spot-2 low109".split(" "),
    );
  });
});

describe("ptadwindow", () => {
  const dvr = { 100: "#EXT-X-CUE-OUT:ID=1,DURATION=6", 103: "#EXT-X-CUE-IN:ID=1", ...CUES };

  test("avails of the window that lie further back than so many seconds are not decided", async () => {
    const world = await liveWorld(["mid"]);
    show(world, 99, dvr, 30);
    const all = await segmentsOf(world, (await world.open("live=true")).get("500"));
    expect(all.filter((name) => name.startsWith("low-spot"))).toHaveLength(6);
    const near = await segmentsOf(world, (await world.open("live=true&ptadwindow=50")).get("500"));
    expect(near.filter((name) => name.startsWith("low-spot"))).toHaveLength(3);
    expect(near.slice(0, 3)).toEqual(["low99", "low100", "low101"]);
  });

  test("0 leaves the first playlist without mid-rolls; later avails are decided", async () => {
    const world = await liveWorld(["mid"]);
    const media = await world.open("live=true&ptadwindow=0");
    show(world, 102);
    expect(await segmentsOf(world, media.get("500"))).toEqual("low102 low103 low104 low105 low106 low107".split(" "));
    show(world, 108, { ...CUES, 112: "#EXT-X-CUE-OUT:ID=8,DURATION=6" });
    expect((await segmentsOf(world, media.get("500"))).slice(4)).toEqual(["low-spot-0", "low-spot-1"]);
  });
});

describe("a live pre-roll", () => {
  test("lies the multiplier times the target duration plus the buffer before the edge, and EXT-X-START points at it", async () => {
    const world = await liveWorld(["pre"]);
    show(world, 100, {}, 10);
    const { text } = await world.get((await world.open("live=true")).get("500") ?? "");
    // 3 × 2 s + 3 s: from the edge at 20 s back to 11 s, which lies in the segment that starts at 10 s
    expect(listSegments(text).slice(4)).toEqual("low104 low-pre-0 low-pre-1 low107 low108 low109".split(" "));
    expect(text).toContain("#EXT-X-START:TIME-OFFSET=10,PRECISE=YES");
  });

  test("lies elsewhere where the client says so", async () => {
    const world = await liveWorld(["pre"]);
    show(world, 100, {}, 10);
    const media = await world.open("live=true&vetargetmultiplier=2.0&vebufferLength=0.5");
    expect((await segmentsOf(world, media.get("500"))).indexOf("low-pre-0")).toBe(7);
  });

  test("is not stitched for ios-mobileweb, which is answered in JSON", async () => {
    const world = await liveWorld(["pre"]);
    const media = await world.open("live=true&ptplayer=ios-mobileweb");
    expect((await segmentsOf(world, media.get("500"))).join()).not.toContain("pre");
  });

  test("is in the primary set alone where there is a failover set", async () => {
    const world = await liveWorld(["pre"]);
    const doubled = `${MASTER}#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=640x360\nbackup.m3u8\n`;
    world.pages.set("/content/master.m3u8", `${doubled}#EXT-X-STREAM-INF:BANDWIDTH=2000000\nbackup-high.m3u8\n`);
    world.pages.set("/content/backup.m3u8", liveWindow(100, 6, {}, "backup"));
    const opened = await world.get(
      `/auditude/variant/show/${Buffer.from(`${world.origin.origin}/content/master.m3u8`).toString("base64url")}.m3u8?z=1&live=true&ptfailover=true`,
    );
    const master = await world.get(opened.headers.get("location") ?? "");
    const addresses = master.text.split("\n").filter((line) => line.startsWith("http"));
    expect(await segmentsOf(world, addresses[0])).toContain("low-pre-0");
    expect((await segmentsOf(world, addresses[2])).join()).not.toContain("pre");
  });
});

describe("pabimode", () => {
  test("a viewer who comes in the middle of a break gets no pre-roll and starts at the break's beginning", async () => {
    const world = await liveWorld(["pre", "mid"]);
    show(world, 104);
    const media = await world.open("live=true&pabimode=true&vetargetmultiplier=1&vebufferLength=1");
    const { text } = await world.get(media.get("500") ?? "");
    expect(listSegments(text)).toEqual("low104 low105 low-spot-0 low-spot-1 low-spot-2 low109".split(" "));
    expect(text).toContain("#EXT-X-START:TIME-OFFSET=4,PRECISE=YES");
  });

  test("the rendition that is asked for next says so as well", async () => {
    const world = await liveWorld(["mid"]);
    show(world, 104);
    const media = await world.open("live=true&pabimode=true&vetargetmultiplier=1&vebufferLength=1");
    await world.get(media.get("500") ?? "");
    expect((await world.get(media.get("2000") ?? "")).text).toContain("#EXT-X-START:TIME-OFFSET=4,PRECISE=YES");
  });

  test("off, the pre-roll is shown", async () => {
    const world = await liveWorld(["pre", "mid"]);
    show(world, 104);
    const media = await world.open("live=true&vetargetmultiplier=1&vebufferLength=1");
    expect(await segmentsOf(world, media.get("500"))).toContain("low-pre-0");
  });
});
