import { readFileSync } from "node:fs";
import { listAvails, parseCues, parseMediaPlaylist } from "@interlude/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainSegments, writePlaylist } from "./playlists.ts";
import { encodeHex, segmentation, timeSignal } from "./scte35-encoder.ts";

const OUT = encodeHex({ ...timeSignal(0), descriptors: [segmentation({ eventId: 1, typeId: 0x34 })] });
const BACK = encodeHex({ ...timeSignal(0), descriptors: [segmentation({ eventId: 1, typeId: 0x35 })] });

/** Ten segments of 6 s from media sequence 50, with tags before some of them. */
function withCues(cues: Readonly<Record<number, string>>): string {
  const segments = plainSegments(10, 6, (index) => (cues[index] ? [cues[index]] : []));
  return writePlaylist({ header: ["#EXT-X-VERSION:3", "#EXT-X-MEDIA-SEQUENCE:50"], segments });
}

describe("listAvails", () => {
  test.each([
    ["#EXT-X-CUE-OUT:30", "cue-52", 30],
    ["#EXT-X-CUE-OUT:30.000", "cue-52", 30],
    ["#EXT-X-CUE-OUT: 30.5 ,ID=a", "a", 30.5],
    ["#EXT-X-CUE-OUT:DURATION=29.97", "cue-52", 29.97],
    ["#EXT-X-CUE-OUT:DURATION=PT1M30.5S", "cue-52", 90.5],
    ['#EXT-X-CUE-OUT:DURATION="30"', "cue-52", 30],
    ["#EXT-X-CUE-OUT:ID=105,DURATION=30.0,TIME=1081.08", "105", 30],
    ["#EXT-X-CUE-OUT", "cue-52", 0],
    ['#EXT-X-CUE-OUT:ID="",DURATION=""', "cue-52", 0],
    ['#EXT-X-DATERANGE:ID="",START-DATE="x",PLANNED-DURATION=12,SCTE35-OUT=0x', "cue-52", 12],
    ["#EXT-X-CUE-OUT-CONT:ElapsedTime=0.0,Duration=30", "cue-52", 30],
    ["#EXT-X-CUE-OUT-CONT:0/30", "cue-52", 30],
    ["#EXT-X-AD:DURATION=10", "cue-52", 10],
    ["#EXT-X-CUEPOINT:ID=4,TIME=12,DURATION=10", "4", 10],
    ['#EXT-X-CUE:ID="7",DURATION=30', "7", 30],
    ['#EXT-X-CUE:TYPE="SpliceOut",ID="7",TIME=266.198,DURATION=30.0', "7", 30],
  ])("%s opens an avail", (tag, id, duration) => {
    expect(listAvails(withCues({ 2: tag }))).toMatchObject([
      {
        id,
        startTime: 12,
        duration,
        mediaSequence: 52,
        isPartial: false,
        programDateTime: undefined,
        returnTime: undefined,
        returnMediaSequence: undefined,
        attributes: {},
        reach: undefined,
      },
    ]);
  });

  test("an avail carries the tag that signalled it", () => {
    const [avail] = listAvails(withCues({ 2: '#EXT-X-CUE-OUT:ID=105,Duration="30.0",TIME=1081.08' }));
    expect(avail?.signal).toEqual({
      tagName: "EXT-X-CUE-OUT",
      attributes: { ID: "105", DURATION: "30.0", TIME: "1081.08" },
    });
    const [bare] = listAvails(withCues({ 2: "#EXT-X-CUE-OUT-CONT:6/30" }));
    expect(bare?.signal).toEqual({ tagName: "EXT-X-CUE-OUT-CONT", attributes: { ELAPSED: "6", DURATION: "30" } });
  });

  test("an avail without a duration lasts until its return", () => {
    const [avail] = listAvails(withCues({ 2: "#EXT-X-CUE-OUT", 3: "#EXT-X-CUE-OUT-CONT", 5: "#EXT-X-CUE-IN" }));
    expect(avail).toMatchObject({ duration: 18, returnTime: 30 });
  });

  test("an early return keeps the planned duration and tells where it is, and the first return counts", () => {
    const cues = { 1: "#EXT-X-CUE-OUT:ID=1,DURATION=30", 3: "#EXT-X-CUE-IN:ID=1", 5: "#EXT-X-CUE-IN:ID=1" };
    expect(listAvails(withCues(cues))).toMatchObject([
      { id: "1", duration: 30, returnTime: 18, returnMediaSequence: 53 },
    ]);
  });

  test("a return without its cue, or of another one, is ignored", () => {
    expect(listAvails(withCues({ 2: "#EXT-X-CUE-IN" }))).toEqual([]);
    const cues = { 1: "#EXT-X-CUE-OUT:ID=1,DURATION=30", 3: "#EXT-X-CUE-IN:ID=2" };
    expect(listAvails(withCues(cues))).toMatchObject([{ id: "1", returnTime: undefined }]);
  });

  test.each([
    ["#EXT-X-CUE-OUT-CONT:ElapsedTime=12.0,Duration=30", "cue-48"],
    ["#EXT-X-CUE-OUT-CONT:12/30", "cue-48"],
    ["#EXT-X-CUE-OUT-CONT:12/30,ID=9", "9"],
    ["#EXT-X-CUE-OUT-CONT:CAID=0x75BCD15,ElapsedTime=12,Duration=30", "cue-48"],
    ["#EXT-X-CUE-SPAN:TIMEFROMSIGNAL=PT12S,DURATION=30", "cue-48"],
    ['#EXT-X-CUE:TYPE="SpliceOut",ID="7",TIME=1,DURATION=30,ELAPSED=12', "7"],
  ])("an avail that began before the list is partial, its id that of its first segment: %s", (tag, id) => {
    const cues = { 0: tag, 1: "#EXT-X-CUE-OUT-CONT:18/30", 3: "#EXT-X-CUE-IN" };
    expect(listAvails(withCues(cues))).toMatchObject([
      { id, isPartial: true, startTime: -12, duration: 30, mediaSequence: 50, returnMediaSequence: 53 },
    ]);
  });

  test.each([
    ["a cue on its first segment only", () => "", () => "#EXT-X-CUE-OUT:ID=4,DURATION=24"],
    ["continuations without an id", (n: number) => `#EXT-X-CUE-OUT-CONT:${n * 6}/24`, () => "#EXT-X-CUE-OUT:24"],
    [
      "continuations with elapsed time and an id",
      (n: number) => `#EXT-X-CUE:TYPE="SpliceOut",ID="4",TIME=60,DURATION=24,ELAPSED=${n * 6}`,
      () => '#EXT-X-CUE:TYPE="SpliceOut",ID="4",TIME=60,DURATION=24',
    ],
    ["its cue on every segment", () => "#EXT-X-CUE-OUT:ID=4,DURATION=24", () => "#EXT-X-CUE-OUT:ID=4,DURATION=24"],
  ])("an avail with %s is one, and has the same id in every window that lists its cues", (_, repeated, first) => {
    const tagOf = (sequence: number): readonly string[] => {
      if (sequence === 10) return [first()];
      if (sequence === 14) return ["#EXT-X-CUE-IN"];
      const tag = sequence > 10 && sequence < 14 ? repeated(sequence - 10) : "";
      return tag === "" ? [] : [tag];
    };
    const seen = new Set<string>();
    for (let from = 5; from < 14; from++) {
      const segments = plainSegments(6, 6, (index) => tagOf(from + index));
      const avails = listAvails(writePlaylist({ header: [`#EXT-X-MEDIA-SEQUENCE:${from}`], segments }));
      expect(avails.length).toBeLessThanOrEqual(1);
      for (const { id } of avails) seen.add(id);
    }
    expect([...seen]).toHaveLength(1);
  });

  test("an id that is used again after its return is another avail", () => {
    const cues = {
      1: "#EXT-X-CUE-OUT:ID=1,DURATION=12",
      3: "#EXT-X-CUE-IN:ID=1",
      6: "#EXT-X-CUE-OUT:ID=1,DURATION=12",
    };
    expect(listAvails(withCues(cues)).map(({ id }) => id)).toEqual(["1", "1-56"]);
    const unreturned = { 1: "#EXT-X-CUE-OUT:ID=1,DURATION=12", 6: "#EXT-X-CUE-OUT:ID=1,DURATION=12" };
    expect(listAvails(withCues(unreturned)).map(({ id }) => id)).toEqual(["1", "1-56"]);
  });

  test("a cue that is repeated on each segment beyond its planned end is still one avail", () => {
    const cue = "#EXT-X-CUE-OUT:ID=1,DURATION=12";
    expect(listAvails(withCues({ 1: cue, 2: cue, 3: cue, 4: cue, 5: cue }))).toMatchObject([{ id: "1", duration: 12 }]);
  });

  test("what a continuation beside the first cue says has elapsed does not count", () => {
    const cues = { 2: "#EXT-X-CUE-OUT:30\n#EXT-X-CUE-OUT-CONT:6/30", 3: "#EXT-X-CUE-OUT-CONT:12/30" };
    expect(listAvails(withCues(cues))).toMatchObject([{ id: "cue-52", startTime: 12, isPartial: false }]);
  });

  test("a continuation after the return is none", () => {
    const cues = { 1: "#EXT-X-CUE-OUT:ID=1,DURATION=30", 2: "#EXT-X-CUE-IN", 3: "#EXT-X-CUE-OUT-CONT:12/30,ID=1" };
    expect(listAvails(withCues(cues))).toMatchObject([{ id: "1", returnTime: 12 }]);
    const splice = (rest: string): string => `#EXT-X-CUE:TYPE="SpliceOut",ID="1",TIME=1,DURATION=30${rest}`;
    const repeated = { 1: splice(""), 2: '#EXT-X-CUE:TYPE="SpliceIn",ID="1"', 3: splice(",ELAPSED=12") };
    expect(listAvails(withCues(repeated))).toMatchObject([{ id: "1", returnTime: 12 }]);
    const beside = { 1: "#EXT-X-CUE-OUT:30", 2: "#EXT-X-CUE-IN\n#EXT-X-CUE-OUT-CONT:6/30" };
    expect(listAvails(withCues(beside))).toMatchObject([{ id: "cue-51", returnTime: 12 }]);
  });

  test.each([
    "#EXT-X-CUE-OUT:ID=1,DURATION=soon,TIME=1",
    "#EXT-X-CUE-OUT:ID=1,DURATION=-30",
    "#EXT-X-CUE-OUT:ID=1,DURATION=1e9",
    "#EXT-X-CUE-OUT:ID=1,DURATION=30,TIME=now",
    '#EXT-X-CUE:TYPE="SpliceOut",ID="1",DURATION="PT",TIME="1"',
    '#EXT-X-CUE:TYPE="Splice",ID="1",DURATION=30,TIME=1',
    `#EXT-X-CUE-OUT:ID=${"x".repeat(40_000)},DURATION=30`,
  ])("a cue whose time or duration is no number is ignored: %#", (tag) => {
    expect(listAvails(withCues({ 2: tag }))).toEqual([]);
  });

  test("an EXT-X-CUE of no duration lasts until its SpliceIn, and is no avail where that never comes", () => {
    const out = '#EXT-X-CUE:TYPE="SpliceOut",ID="1",DURATION="0",TIME="266.198",PROGRAM-ID="138",AVAIL-NUM="1"';
    const back = (id: string): string => `#EXT-X-CUE:TYPE="SpliceIn",ID="${id}",TIME="284.198"`;
    expect(listAvails(withCues({ 2: out, 3: back("2"), 5: back("1") }))).toMatchObject([
      { id: "1", duration: 18, returnMediaSequence: 55 },
    ]);
    expect(listAvails(withCues({ 2: out }))).toMatchObject([{ id: "1", duration: 0, returnTime: undefined }]);
    expect(listAvails(`${withCues({ 2: out })}#EXT-X-ENDLIST\n`)).toEqual([]);
    const both = withCues({ 2: `${out}\n#EXT-X-CUE-OUT:30` });
    expect(listAvails(`${both}#EXT-X-ENDLIST\n`)).toMatchObject([{ id: "1", duration: 30 }]);
  });

  test("attributes of the EXT-X-ASSET tags beside a cue go with its avail, CAID as a decimal number", () => {
    const asset =
      '#EXT-X-ASSET:caid=0x0000000075BCD15,GENRE="News, live"\n#EXT-X-CUE-OUT:30\n#EXT-X-ASSET:Season=2,GENRE=x';
    const cues = { 1: "#EXT-X-ASSET:OTHER=1", 2: asset, 3: "#EXT-X-ASSET:OTHER=2", 7: "#EXT-X-CUE-OUT:12" };
    expect(listAvails(withCues(cues)).map(({ attributes }) => attributes)).toEqual([
      { CAID: "123456789", GENRE: "News, live", SEASON: "2" },
      {},
    ]);
  });

  test.each([
    ["75BCD15", "123456789"],
    ["0xFFFFFFFFFFFFFFFF", "18446744073709551615"],
    ["0x10000000000000000", "0x10000000000000000"],
    ["news", "news"],
  ])("CAID %s is passed on as %s", (caid, expected) => {
    const [avail] = listAvails(withCues({ 2: `#EXT-X-CUE-OUT-CONT:CAID=${caid},ElapsedTime=0,Duration=30` }));
    expect(avail?.attributes).toEqual({ CAID: expected });
  });

  test("a cue and its return at one place are a break to insert ads at, and one avail with what follows there", () => {
    const point = "#EXT-X-CUE-OUT:0\n#EXT-X-CUE-IN";
    expect(listAvails(withCues({ 2: point }))).toMatchObject([{ id: "cue-52", duration: 0, returnMediaSequence: 52 }]);
    expect(listAvails(withCues({ 2: `${point}\n#EXT-X-CUE-OUT:12`, 4: "#EXT-X-CUE-IN" }))).toMatchObject([
      { id: "cue-52", duration: 12, returnMediaSequence: 54 },
    ]);
  });

  test("a cue that is repeated on each segment is one avail, and two avails may follow each other", () => {
    const cues = {
      1: "#EXT-X-CUE-OUT:12",
      2: "#EXT-X-CUE-OUT:12",
      3: "#EXT-X-CUE-OUT:12",
      6: "#EXT-X-CUE-OUT:ID=b,DURATION=6",
      7: "#EXT-X-CUE-OUT:ID=c,DURATION=6",
    };
    expect(listAvails(withCues(cues)).map(({ mediaSequence }) => mediaSequence)).toEqual([51, 53, 56, 57]);
  });

  test("a cue without a duration that is repeated on each segment is one avail until its return", () => {
    const cue = "#EXT-X-CUE-OUT";
    const avails = listAvails(withCues({ 1: cue, 2: cue, 3: cue, 5: "#EXT-X-CUE-IN", 7: cue }));
    expect(avails).toMatchObject([
      { mediaSequence: 51, duration: 24 },
      { mediaSequence: 57, duration: 0 },
    ]);
  });

  test("a date range with SCTE35-OUT is placed by its date", () => {
    const text = readFileSync(new URL("fixtures/4.3.2.7-daterange.m3u8", import.meta.url), "utf8");
    expect(listAvails(text)).toEqual([
      {
        id: "break-1",
        startTime: 12,
        programDateTime: "2026-01-01T12:00:12.000Z",
        duration: 12,
        mediaSequence: 102,
        isPartial: false,
        returnTime: undefined,
        returnMediaSequence: undefined,
        attributes: {},
        signal: {
          tagName: "EXT-X-DATERANGE",
          attributes: {
            ID: "break-1",
            "START-DATE": "2026-01-01T12:00:12Z",
            "PLANNED-DURATION": "12",
            "SCTE35-OUT": "0xFC3020",
          },
        },
        reach: undefined,
      },
    ]);
  });

  test("a date range and a cue for one segment are one avail", () => {
    const text = readFileSync(new URL("fixtures/4.3.2.7-daterange.m3u8", import.meta.url), "utf8");
    const both = text.replace("#EXTINF:6,\nc102.ts", "#EXT-X-CUE-OUT:ID=9,DURATION=12\n#EXTINF:6,\nc102.ts");
    expect(listAvails(both).map(({ id }) => id)).toEqual(["9"]);
  });

  test("a return after the last segment is one already", () => {
    const text = `${withCues({ 8: "#EXT-X-CUE-OUT:30" })}#EXT-X-CUE-IN\n`;
    expect(listAvails(text)).toMatchObject([{ returnTime: 60, returnMediaSequence: 60 }]);
  });

  test("a cue after the last segment is not an avail yet", () => {
    expect(listAvails(`${withCues({})}#EXT-X-CUE-OUT:30\n`)).toEqual([]);
  });
});

describe("parseCues", () => {
  test("finds the avails of a playlist once, however many viewers ask", () => {
    const playlist = parseMediaPlaylist(withCues({ 2: "#EXT-X-CUE-OUT:30" }));
    const avails = parseCues(playlist);
    expect(parseCues(playlist)).toBe(avails);
    expect(parseCues(playlist, "no-such-dialect")).toBe(avails);
    expect(parseCues(playlist, "dpisimple")).toEqual([]);
    expect(parseCues(playlist, "Elemental")).toEqual(avails);
  });

  const lines = (count: number, write: (index: number) => string): string =>
    `#EXTM3U\n#EXT-X-TARGETDURATION:1\n${Array.from({ length: count }, (_, index) => write(index)).join("")}`;

  test.each([
    ["cues of one segment", lines(300_000, (n) => `#EXT-X-CUE-OUT:ID=${n},DURATION=1\n`), 1],
    ["assets of one segment", lines(300_000, (n) => `#EXT-X-ASSET:A${n}=1\n`), 1],
    ["avails", lines(100_000, (n) => `#EXT-X-CUE-OUT:ID=${n}\n#EXTINF:1,\ns\n`), 1000],
    ["returns", lines(100_000, () => "#EXT-X-CUE-OUT\n#EXTINF:1,\ns\n#EXT-X-CUE-IN\n"), 1000],
    ["date ranges", lines(100_000, (n) => `#EXT-X-DATERANGE:ID="${n}",SCTE35-OUT=0x1\n#EXTINF:1,\ns\n`), 1000],
    ["tags of one date range", lines(100_000, (n) => `#EXT-X-DATERANGE:ID="1",SCTE35-OUT=0x1,X-${n}=1\n`), 1],
  ])("a playlist of a great many %s has at most 1,000 avails", (_, text, expected) => {
    const avails = listAvails(`${text}#EXT-X-CUE-OUT:ID=last\n#EXTINF:1,\ns\n`);
    expect(avails).toHaveLength(expected);
    expect(Object.keys(avails[0]?.attributes ?? {}).length).toBeLessThanOrEqual(64);
  });

  test("whatever a cue says, the playlist can be read", () => {
    const names = "CUE-OUT CUE-OUT-CONT CUE-IN CUE-SPAN CUE SCTE35 SPLICEPOINT-SCTE35 DATERANGE ASSET AD";
    const name = fc.constantFrom(...names.split(" "));
    const date = fc.constantFrom("2026-01-01T12:00:12Z", "+275760-09-13T00:00:00Z", "-271821-04-20T00:00:00Z", "x");
    const pair = fc.oneof(
      fc.tuple(
        fc.constantFrom("ID", "DURATION", "ELAPSED", "TIME", "CUE-OUT", "CAID"),
        fc.constantFrom("1", "0", "YES", ""),
      ),
      fc.tuple(fc.constantFrom("START-DATE", "END-DATE"), date),
      fc.tuple(
        fc.constantFrom("CUE", "SCTE35", "SCTE35-OUT", "SCTE35-IN", "SCTE35-CMD"),
        fc.constantFrom("0xFC", OUT, BACK),
      ),
      fc.tuple(fc.constant("TYPE"), fc.constantFrom("SpliceOut", "SpliceIn", "scte35")),
    );
    const value = fc.oneof(
      fc.array(pair, { maxLength: 8 }).map((pairs) => pairs.map(([key, text]) => `${key}="${text}"`).join(",")),
      fc.string().map((text) => text.replaceAll("\n", "")),
    );
    const tag = fc.tuple(name, value).map(([suffix, text]) => `#EXT-X-${suffix}:${text}`);
    fc.assert(
      fc.property(fc.dictionary(fc.integer({ min: 0, max: 9 }).map(String), tag), fc.boolean(), (cues, isDated) => {
        const text = withCues(cues);
        const dated = text.replace("#EXTINF", "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T12:00:00Z\n#EXTINF");
        for (const avail of listAvails(isDated ? dated : text)) {
          expect(avail.duration).toBeGreaterThanOrEqual(0);
          expect(avail.mediaSequence).toBeGreaterThanOrEqual(50);
          expect(avail.mediaSequence).toBeLessThan(60);
          expect(avail.returnMediaSequence ?? 60).toBeLessThanOrEqual(60);
        }
      }),
    );
  });
});
