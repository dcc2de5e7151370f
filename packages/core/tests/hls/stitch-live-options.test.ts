/** Live stitching: early returns, breaks that no cue signals, what the caller is told, and what subtitles get. */
import {
  type AdSegmentPlace,
  type AvailDecision,
  emptyTimeline,
  forkTimeline,
  type LiveOptions,
  type LiveTimeline,
  parseMediaPlaylist,
  type PodDecision,
  stitchLive,
} from "@interlude/core";
import { describe, expect, test } from "vitest";
import { type Origin, podOf, writeWindow } from "./live-model.ts";
import { CONTENT, pod, podAd, readByHlsParser } from "./playlists.ts";

const FIRST = 1000;
const entry = {
  segment: 5,
  duration: 36,
  ads: [
    [6, 6],
    [6, 6],
    [6, 6],
  ],
};
const origin: Origin = {
  durations: Array.from({ length: 60 }, () => 6),
  targetDuration: 6,
  discontinuities: new Set(),
  breaks: [entry],
};
const bare: Origin = { ...origin, breaks: [] };
const SUBTITLES = { ...CONTENT, kind: "subtitles" as const };
const names = (text: string): readonly string[] =>
  readByHlsParser(text).map(({ uri }) => uri.replace(/.*\//, "").replace(".ts", ""));
const decide = (more: Partial<PodDecision> = {}): ReadonlyMap<string, AvailDecision> =>
  new Map([["a5", { kind: "pod", pod: podOf(entry), availDuration: 36, ...more }]]);
const dated = (text: string, from: number, offset = 0): string =>
  text.replace(
    "#EXTINF",
    `#EXT-X-PROGRAM-DATE-TIME:${new Date(Date.UTC(2026, 0, 1) + from * 6000 + offset).toISOString()}\n#EXTINF`,
  );
const dateOf = (segment: number): string => new Date(Date.UTC(2026, 0, 1) + segment * 6000).toISOString();

/** The windows of six segments that end before `edges`, one after the other. */
function follow(
  edges: readonly number[],
  decisions: (edge: number) => ReadonlyMap<string, AvailDecision>,
  timeline: LiveTimeline = emptyTimeline(),
) {
  let memory = timeline;
  return edges.map((edge) => {
    const stitched = stitchLive(writeWindow(origin, edge - 6, edge), CONTENT, memory, decisions(edge));
    memory = stitched.timeline;
    return stitched;
  });
}

describe("content that returns before the pod's end", () => {
  const earlyReturn = { mediaSequence: FIRST + 8 };
  const edges = [6, 7, 8, 9, 10, 11];

  test("keeps the ad segments that are half over by then, and comes back after them", () => {
    const refreshes = follow(edges, (edge) => decide(edge > 8 ? { earlyReturn } : {}));
    expect(names(refreshes.at(-1)?.text ?? "")).toEqual(["a5-0-0", "a5-0-1", "a5-1-0", "c8", "c9", "c10"]);
    expect(refreshes.at(-1)?.refused).toEqual([{ breakId: "a5", adId: "a5-2", index: 2, reason: "early-return" }]);
    expect(refreshes.at(-1)?.breaks[0]?.ads.map(({ adId, segmentCount }) => [adId, segmentCount])).toEqual([
      ["a5-0", 2],
      ["a5-1", 1],
    ]);
    expect(refreshes.at(-1)?.breaks[0]?.duration).toBe(18);
  });

  test("takes no ad segment back that was listed before the return was known", () => {
    const [before, after] = follow([6, 11], (edge) =>
      decide(edge > 6 ? { earlyReturn: { mediaSequence: FIRST + 5 } } : {}),
    );
    expect(names(before?.text ?? "").at(-1)).toBe("a5-0-0");
    expect(names(after?.text ?? "")).toEqual(["a5-0-0", "c6", "c7", "c8", "c9", "c10"]);
  });

  test("has no break at all where nothing of it was listed", () => {
    const [only] = follow([9], () => decide({ earlyReturn: { mediaSequence: FIRST + 5 } }));
    expect(names(only?.text ?? "")).toEqual(["c3", "c4", "c5", "c6", "c7", "c8"]);
    expect(only?.breaks).toEqual([]);
    expect(only?.refused.map(({ reason }) => reason)).toEqual(["early-return", "early-return", "early-return"]);
  });

  test("changes nothing where it returns after the pod's end", () => {
    const late = follow([12, 14], () => decide({ earlyReturn: { mediaSequence: FIRST + 12 } }));
    const never = follow([12, 14], () => decide());
    expect(late.map(({ text }) => text)).toEqual(never.map(({ text }) => text));
  });

  test("comes back at the same place in a rendition that joins later, and in one whose segments are some frames off", () => {
    const refreshes = follow(edges, () => decide({ earlyReturn }));
    const memory = refreshes.at(-2)?.timeline ?? emptyTimeline();
    const joined = stitchLive(writeWindow(origin, 5, 11), SUBTITLES, forkTimeline(memory), decide({ earlyReturn }));
    expect(readByHlsParser(joined.text).map(({ duration, mediaSequence }) => [duration, mediaSequence])).toEqual(
      readByHlsParser(refreshes.at(-1)?.text ?? "").map(({ duration, mediaSequence }) => [duration, mediaSequence]),
    );
    for (const drift of [-0.011, 0.011]) {
      const durations = origin.durations.map((duration, index) => duration + (index === 4 ? drift : 0));
      const audio = writeWindow({ ...origin, durations }, 2, 11);
      const stitched = stitchLive(audio, CONTENT, emptyTimeline(), decide({ earlyReturn }));
      expect(names(stitched.text).slice(3)).toEqual(["a5-0-0", "a5-0-1", "a5-1-0", "c8", "c9", "c10"]);
    }
  });
});

describe("a break that no cue signals", () => {
  const at = (more: object): ReadonlyMap<string, AvailDecision> =>
    new Map([["preroll", { kind: "pod", pod: pod("preroll", podAd("x", 6, 6)), availDuration: 0, ...more }]]);
  const expected = ["c2", "c3", "x-0", "x-1", "c6", "c7"];

  test("is placed by its number where decision or playlist have no date", () => {
    const text = writeWindow(bare, 2, 8);
    for (const [playlist, more] of [
      [text, { mediaSequence: FIRST + 4 }],
      [text, { mediaSequence: FIRST + 4, programDateTime: dateOf(0) }],
      [dated(text, 2), { mediaSequence: FIRST + 4 }],
    ] as const) {
      expect(names(stitchLive(playlist, CONTENT, emptyTimeline(), at(more)).text)).toEqual(expected);
    }
  });

  test("is placed by its date where both have one", () => {
    const more = { mediaSequence: 77, programDateTime: dateOf(4) };
    expect(names(stitchLive(dated(writeWindow(bare, 2, 8), 2), CONTENT, emptyTimeline(), at(more)).text)).toEqual(
      expected,
    );
  });

  test("is where players start as long as its first segment is listed", () => {
    const offset = (text: string): string | undefined => /EXT-X-START:(.*)/.exec(text)?.[1];
    const decisions = at({ mediaSequence: FIRST + 4 });
    const options = { startAtBreak: "preroll" };
    let timeline = emptyTimeline();
    const offsets = [2, 3, 4, 5].map((from) => {
      const header = ["#EXT-X-START:TIME-OFFSET=-6"];
      const stitched = stitchLive(writeWindow(bare, from, from + 6, header), CONTENT, timeline, decisions, options);
      timeline = stitched.timeline;
      return offset(stitched.text);
    });
    const own = "TIME-OFFSET=-6";
    expect(offsets).toEqual([
      "TIME-OFFSET=12,PRECISE=YES",
      "TIME-OFFSET=6,PRECISE=YES",
      "TIME-OFFSET=0,PRECISE=YES",
      own,
    ]);
  });

  test("takes a start of the content away that counts from before it", () => {
    const text = writeWindow(bare, 2, 8, ["#EXT-X-START:TIME-OFFSET=9"]);
    expect(stitchLive(text, CONTENT, emptyTimeline(), at({ mediaSequence: FIRST + 4 })).text).not.toContain(
      "EXT-X-START",
    );
    expect(stitchLive(text, CONTENT, emptyTimeline(), new Map()).text).toBe(text);
  });
});

describe("the caller of a live stitch is told", () => {
  test("which avails are held back, and which breaks the content has come back from", () => {
    const hold: ReadonlyMap<string, AvailDecision> = new Map([["a5", { kind: "hold" }]]);
    const refreshes = follow([6, 7, 11, 12, 13], (edge) => (edge === 6 ? hold : decide()));
    expect(refreshes.map(({ held }) => held)).toEqual([["a5"], [], [], [], []]);
    expect(refreshes.map(({ resumed }) => resumed.map(({ mediaSequence }) => mediaSequence - FIRST))).toEqual([
      [],
      [],
      [],
      [11],
      [],
    ]);
  });

  test("where the content came back, and makes it hold in a rendition that would have come back one segment later", () => {
    const ads = [[6, 6, 3]];
    const short = { ...entry, ads, duration: 15 };
    const at = (segment: number, more: Partial<PodDecision> = {}): ReadonlyMap<string, AvailDecision> =>
      new Map([
        ["a5", { kind: "pod", pod: podOf(short), availDuration: 15, programDateTime: dateOf(segment), ...more }],
      ]);
    const first = stitchLive(dated(writeWindow(origin, 2, 12), 2), CONTENT, emptyTimeline(), at(5));
    const [resumption] = first.resumed;
    const place = { mediaSequence: FIRST + 7, programDateTime: dateOf(7), carry: 3 };
    expect(resumption).toEqual({ availId: "a5", breakId: "a5", ...place });
    const durations = origin.durations.map((duration, index) => duration - (index === 6 ? 0.011 : 0));
    const other = dated(writeWindow({ ...bare, durations, firstMediaSequence: 40 }, 2, 12), 2, 5);
    const [alone, shared] = [at(5), at(5, { resumption })].map((decisions) =>
      names(stitchLive(other, CONTENT, emptyTimeline(), decisions).text),
    );
    expect(alone?.slice(6)).toEqual(["c8", "c9", "c10", "c11"]);
    expect(shared?.slice(6)).toEqual(["c7", "c8", "c9", "c10", "c11"]);
  });

  test("each ad segment that is written, and answers with its address and its tags", () => {
    const places: AdSegmentPlace[] = [];
    const decorate: LiveOptions["decorate"] = (place) => {
      places.push(place);
      return place.index === 0 ? { tags: ["#EXT-X-MARKER:ID=1"], uri: `https://s.example/${place.breakTime}` } : {};
    };
    const memory = stitchLive(writeWindow(origin, 0, 6), CONTENT, emptyTimeline(), decide()).timeline;
    const { text, timeline } = stitchLive(writeWindow(origin, 4, 10), CONTENT, memory, decide(), { decorate });
    const from = text.indexOf("#EXT-X-DISCONTINUITY\n");
    expect(text.slice(from).split("\n").slice(0, 4)).toEqual([
      "#EXT-X-DISCONTINUITY",
      "#EXT-X-MARKER:ID=1",
      "#EXTINF:6,",
      "https://s.example/0",
    ]);
    expect(places).toHaveLength(5);
    expect(places[3]).toEqual({
      breakId: "a5",
      adId: "a5-1",
      adIndex: 1,
      index: 1,
      count: 2,
      isFirstOfBreak: false,
      isLastOfBreak: false,
      startTime: 6,
      breakTime: 18,
      duration: 6,
      uri: "https://ads.example/a5-1/a5-1-1.ts",
    });
    expect(JSON.stringify(timeline)).not.toContain("//s.example");
  });
});

describe("live subtitles", () => {
  const clipSubtitle: LiveOptions["clipSubtitle"] = ({ uri, duration, from, to }) => `${uri}-${duration}-${from}-${to}`;
  const uris = (text: string): readonly string[] => readByHlsParser(text).map(({ uri }) => uri);

  test("are clipped on both sides of a break, but never where they were listed whole before", () => {
    const blank = "https://s.example/blank.vtt";
    const options = { clipSubtitle, blankSubtitleUri: blank };
    const whole = stitchLive(writeWindow(origin, 3, 13), SUBTITLES, emptyTimeline(), decide(), options);
    const ads = Array.from({ length: 6 }, () => blank);
    expect(uris(whole.text)).toEqual(["c3.ts", "c4.ts-6-undefined-6", ...ads, "c11.ts-6-0-undefined", "c12.ts"]);
    const before = stitchLive(writeWindow(origin, 0, 5), SUBTITLES, emptyTimeline(), decide(), options);
    const after = stitchLive(writeWindow(origin, 3, 13), SUBTITLES, before.timeline, decide(), options);
    expect(uris(after.text).slice(0, 2)).toEqual(["c3.ts", "c4.ts"]);
  });

  test("have no discontinuities around ads where they are not wanted", () => {
    const options = { hasSubtitleDiscontinuities: false };
    const { text } = stitchLive(writeWindow(origin, 3, 13), SUBTITLES, emptyTimeline(), decide(), options);
    expect(text).not.toMatch(/^#EXT-X-DISCONTINUITY$/m);
    const main = stitchLive(writeWindow(origin, 3, 13), CONTENT, emptyTimeline(), decide(), options);
    expect(main.text.match(/^#EXT-X-DISCONTINUITY$/gm)).toHaveLength(4);
  });
});

describe("the memory of a live rendition", () => {
  test("has no list of segments: it is as small for 300 segments as for 6", () => {
    const long: Origin = { ...bare, durations: Array.from({ length: 301 }, () => 6) };
    const playlist = parseMediaPlaylist(writeWindow(long, 0, 300));
    const { text, timeline } = stitchLive(playlist, CONTENT, emptyTimeline(), new Map());
    expect(text).toBe(playlist.text);
    expect(JSON.stringify(timeline).length).toBeLessThan(300);
  });

  test("shares the segments of an ad with all viewers of it", () => {
    const shared = podOf(entry);
    const [one, other] = [0, 1].map(() => {
      const decisions = decide({ pod: { ...shared, breakId: "own" } });
      return stitchLive(writeWindow(origin, 3, 9), CONTENT, emptyTimeline(), decisions).timeline.breaks[0]?.ads[0];
    });
    expect(one?.segments).toHaveLength(2);
    expect(one?.segments).toBe(other?.segments);
  });
});
