import Fastify from "fastify";
import { describe, expect, test } from "vitest";
import {
  DEFAULT_LIVE,
  formatLivePlaylist,
  type LiveOptions,
  parseLiveOptions,
  registerLive,
  secondsToAvail,
} from "../live.ts";

const loop = { segmentDuration: 4, uris: ["a.ts", "b.ts", "c.ts"] };
const channel: LiveOptions = { start: 1_000_000, every: 40, length: 12, offset: 16, window: 5 };

function at(seconds: number, options: LiveOptions = channel): string {
  return formatLivePlaylist(loop, options, options.start + seconds);
}

/** Every segment of a playlist as sequence, discontinuity number, URI and the cue in front of it. */
function listSegments(text: string) {
  let sequence = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
  let discontinuity = Number(/DISCONTINUITY-SEQUENCE:(\d+)/.exec(text)?.[1]);
  let cue = "";
  const segments: { sequence: number; discontinuity: number; uri: string; cue: string; date: string }[] = [];
  let date = "";
  for (const line of text.split("\n").slice(5)) {
    if (line === "#EXT-X-DISCONTINUITY") discontinuity += 1;
    else if (line.startsWith("#EXT-X-CUE")) cue = line;
    else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) date = line.slice(25);
    else if (line !== "" && !line.startsWith("#")) {
      segments.push({ sequence, discontinuity, uri: line, cue, date });
      sequence += 1;
      cue = "";
    }
  }
  return segments;
}

describe("formatLivePlaylist", () => {
  test("lists only complete segments and never more than the window", () => {
    expect(listSegments(at(3.9))).toHaveLength(0);
    expect(listSegments(at(4)).map((segment) => segment.uri)).toEqual(["a.ts"]);
    expect(listSegments(at(19.9)).map((segment) => segment.uri)).toEqual(["a.ts", "b.ts", "c.ts", "a.ts"]);
    expect(listSegments(at(400))).toHaveLength(5);
  });

  test("a segment keeps its media sequence, discontinuity number, date and cue while it is listed", () => {
    const seen = new Map<number, Set<string>>();
    for (let second = 0; second < 200; second += 2) {
      for (const segment of listSegments(at(second))) {
        const texts = seen.get(segment.sequence) ?? new Set();
        seen.set(segment.sequence, texts.add(JSON.stringify(segment)));
      }
    }
    expect([...seen.values()].map((texts) => texts.size)).toEqual(Array.from({ length: 49 }, () => 1));
  });

  test("the loop point is a discontinuity and the dates go on", () => {
    const segments = listSegments(at(40));
    expect(segments.map((segment) => `${segment.uri} ${segment.discontinuity}`)).toEqual([
      "c.ts 1",
      "a.ts 2",
      "b.ts 2",
      "c.ts 2",
      "a.ts 3",
    ]);
    const dates = segments.map((segment) => Date.parse(segment.date));
    expect(dates.slice(1).map((date, index) => date - (dates[index] ?? 0))).toEqual([4000, 4000, 4000, 4000]);
  });

  test("an avail is signalled by CUE-OUT with its duration, CONT with what has passed, and CUE-IN", () => {
    const cues = listSegments(at(36, { ...channel, window: 9 })).map((segment) => segment.cue);
    expect(cues).toEqual([
      "",
      "",
      "",
      "",
      "#EXT-X-CUE-OUT:DURATION=12",
      "#EXT-X-CUE-OUT-CONT:ElapsedTime=4,Duration=12",
      "#EXT-X-CUE-OUT-CONT:ElapsedTime=8,Duration=12",
      "#EXT-X-CUE-IN",
      "",
    ]);
  });

  test("a length between two segment boundaries ends at the later one, and DURATION tells that", () => {
    const cues = listSegments(at(36, { ...channel, length: 9.5, window: 9 })).map((segment) => segment.cue);
    expect(cues.filter((cue) => cue !== "")).toEqual([
      "#EXT-X-CUE-OUT:DURATION=12",
      "#EXT-X-CUE-OUT-CONT:ElapsedTime=4,Duration=12",
      "#EXT-X-CUE-OUT-CONT:ElapsedTime=8,Duration=12",
      "#EXT-X-CUE-IN",
    ]);
  });

  test("every=0 is a channel without avails", () => {
    expect(at(400, { ...channel, every: 0 })).not.toContain("CUE");
  });

  test("the same moment gives the same text", () => {
    expect(formatLivePlaylist(loop, DEFAULT_LIVE, 1_790_000_001.2)).toBe(
      formatLivePlaylist(loop, DEFAULT_LIVE, 1_790_000_003.9),
    );
  });
});

describe("secondsToAvail", () => {
  test("counts down to the first avail and from each to the next", () => {
    expect(secondsToAvail(channel, channel.start)).toBe(16);
    expect(secondsToAvail(channel, channel.start + 20)).toBe(36);
    expect(secondsToAvail({ ...channel, every: 0 }, channel.start)).toBeUndefined();
  });
});

describe("parseLiveOptions", () => {
  test("what the query leaves out is the demo's channel", () => {
    expect(parseLiveOptions(new URLSearchParams("every=40&window=6"))).toEqual({
      ...DEFAULT_LIVE,
      every: 40,
      window: 6,
    });
  });

  test.each([
    ["every=x", "every"],
    ["window=2", "window"],
    ["window=3.5", "window"],
    ["start=-1", "start"],
    ["length=1e9", "length"],
    ["every=20&length=20", "length"],
  ])("%s is refused, and the message names %s", (query, name) => {
    expect(() => parseLiveOptions(new URLSearchParams(query))).toThrow(`live channel: ${name}: expected`);
  });
});

describe("/live", () => {
  async function get(url: string) {
    const app = Fastify();
    registerLive(app, {
      filmMaster: async () => "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n360/media.m3u8\n",
      filmMedia: async () => "#EXTM3U\n#EXTINF:4.000000,\n000.ts\n#EXTINF:4.000000,\n001.ts\n#EXT-X-ENDLIST\n",
      filmBase: "../media/content/",
      now: () => 1_000_040_000,
    });
    return app.inject(url);
  }

  test("the master carries the channel's parameters to its media playlists", async () => {
    const answer = await get("/live/master.m3u8?every=40&start=1000000");
    expect(answer.body.split("\n")[2]).toBe("360.m3u8?every=40&start=1000000");
    expect(answer.headers["access-control-allow-origin"]).toBe("*");
  });

  test("a media playlist names the film's own segments and is not stored", async () => {
    const answer = await get("/live/360.m3u8?start=1000000");
    expect(answer.body).toContain("\n../media/content/360/001.ts\n");
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  test("a wrong parameter is 400 with the parameter's name; another file is 404", async () => {
    const wrong = await get("/live/360.m3u8?window=many");
    expect(wrong.statusCode).toBe(400);
    expect(wrong.json()).toMatchObject({ error: { code: "option-invalid" } });
    expect((await get("/live/etc%2Fpasswd")).statusCode).toBe(404);
  });
});
