import { clipWebVtt, cueTimeAtProgramme, cueTimeAtPts, parseWebVtt, type WebVtt } from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

function parse(text: string): WebVtt {
  const vtt = parseWebVtt(text);
  if (vtt === undefined) throw new Error("expected WebVTT");
  return vtt;
}

/** The cues as `from-to text`, in milliseconds. */
function list(text: string): readonly string[] {
  return parse(text).cues.map(({ start, end, timing }) => {
    const payload = text
      .slice(start, end)
      .split(/\r\n|\r|\n/)
      .slice(1)
      .join("|")
      .replace(/\|+$/, "");
    return `${timing?.from.ms}-${timing?.to.ms} ${payload}`;
  });
}

const clip = (text: string, fromMs: number, toMs: number): string => clipWebVtt(parse(text), { fromMs, toMs });
const TEN_SECONDS = "WEBVTT\n\n00:00:10.000 --> 00:00:20.000\nten seconds\n";

describe("clipWebVtt", () => {
  test("a cue of 10 s that a break cuts at 5 s is shown 5 s on each side", () => {
    expect(clip(TEN_SECONDS, -Infinity, 15_000)).toBe("WEBVTT\n\n00:00:10.000 --> 00:00:15.000\nten seconds\n");
    expect(clip(TEN_SECONDS, 15_000, Infinity)).toBe("WEBVTT\n\n00:00:15.000 --> 00:00:20.000\nten seconds\n");
  });

  test("a cue that ends or begins at the break is on one side alone, and is not touched", () => {
    const text = "WEBVTT\n\n0:01.000 --> 0:05.000\nbefore\n\n0:05.000 --> 0:09.000\nafter\n";
    expect(list(clip(text, -Infinity, 5000))).toEqual(["1000-5000 before"]);
    expect(list(clip(text, 5000, Infinity))).toEqual(["5000-9000 after"]);
  });

  test("a cue between two breaks is cut on both sides", () => {
    expect(list(clip(TEN_SECONDS, 12_000, 13_500))).toEqual(["12000-13500 ten seconds"]);
  });

  test("a cut between two milliseconds shows no moment twice and loses none", () => {
    expect(list(clip(TEN_SECONDS, -Infinity, 14_999.6))).toEqual(["10000-15000 ten seconds"]);
    expect(list(clip(TEN_SECONDS, 14_999.6, Infinity))).toEqual(["15000-20000 ten seconds"]);
  });

  test("header, map, STYLE, REGION, NOTE, identifiers, settings and line ends stay", () => {
    const head = "\uFEFFWEBVTT - title\r\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\r\n\r\n";
    const blocks = "STYLE\r\n::cue { color: red }\r\n\r\nREGION\r\nid:r\r\n\r\nNOTE a note\r\n\r\n";
    const cue = (to: string): string => `id 1\r\n00:01.000\t-->  ${to}  line:0 region:r\r\n<v A>two\r\nlines\r\n\r\n`;
    const dropped = "00:20.000 --> 00:21.000\r\nlater\r\n\r\n";
    const tail = "NOTE the end";
    const text = `${head}${blocks}${cue("00:09.000")}${dropped}${tail}`;
    expect(clip(text, 0, 5000)).toBe(`${head}${blocks}${cue("00:00:05.000")}${tail}`);
    expect(clip(text, -Infinity, Infinity)).toBe(text);
  });

  test("a cue without a duration is where its start is", () => {
    const text = "WEBVTT\n\n00:05.000 --> 00:05.000\nmoment\n";
    expect(list(clip(text, 0, 5000))).toEqual([]);
    expect(list(clip(text, 5000, 6000))).toEqual(["5000-5000 moment"]);
  });

  test("cues keep their order where it is not that of their times", () => {
    const text = "WEBVTT\n\n00:08.000 --> 00:09.000\nb\n\n00:01.000 --> 00:09.000\na\n\n00:03.000 --> 00:04.000\nc\n";
    expect(list(clip(text, -Infinity, 8500))).toEqual(["8000-8500 b", "1000-8500 a", "3000-4000 c"]);
  });

  test("times beyond 99 hours are cut as all others", () => {
    const text = "WEBVTT\n\n123:00:00.000 --> 123:00:10.000\nlate\n";
    expect(clip(text, 442_805_000, Infinity)).toBe("WEBVTT\n\n123:00:05.000 --> 123:00:10.000\nlate\n");
  });

  test("the parts of a file, put together, show every moment of every cue exactly once", () => {
    const time = fc.integer({ min: 0, max: 60_000 });
    const written = fc.constantFrom("\n", "\r\n", "\r");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(time, time), { maxLength: 20 }),
        fc.array(time, { maxLength: 4 }),
        written,
        (cues, cuts, end) => {
          const text = [
            "WEBVTT",
            "",
            ...cues.flatMap(([from, to], index) => [`${stamp(from)} --> ${stamp(to)}`, `${index}`, ""]),
          ].join(end);
          const edges = [-Infinity, ...cuts.toSorted((a, b) => a - b), Infinity];
          const shown = edges.slice(1).flatMap((to, index) => list(clip(text, edges[index] ?? 0, to)));
          for (const [index, [from, to]] of cues.entries()) {
            const parts = shown
              .map((line) => line.match(/\d+/g)?.map(Number) ?? [])
              .filter((part) => part[2] === index);
            let at = from;
            for (const part of parts.toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0))) {
              expect(part[0]).toBe(at);
              at = part[1] ?? -1;
            }
            expect(at).toBe(to);
            expect(parts.length > 0).toBe(true);
          }
        },
      ),
    );
  });
});

function stamp(ms: number): string {
  return `00:${String(Math.floor(ms / 60_000)).padStart(2, "0")}:${((ms % 60_000) / 1000).toFixed(3).padStart(6, "0")}`;
}

describe("cueTimeAtPts", () => {
  const withMap = (map: string, cue = "00:00:01.000 --> 00:00:02.000"): WebVtt =>
    parse(`WEBVTT\n${map}\n\n${cue}\nx\n`);

  test("X-TIMESTAMP-MAP ties the clock of the cues to the media's, in either order of its parts", () => {
    for (const map of ["LOCAL:00:00:00.000,MPEGTS:900000", "MPEGTS:900000,LOCAL:00:00:00.000"]) {
      expect(cueTimeAtPts(withMap(`X-TIMESTAMP-MAP=${map}`), 16)).toBe(6000);
    }
    expect(cueTimeAtPts(withMap("X-TIMESTAMP-MAP=LOCAL:01:00:00.000,MPEGTS:900000"), 16)).toBe(3_606_000);
  });

  test("without a map the two clocks are the same", () => {
    expect(cueTimeAtPts(withMap(""), 1.5)).toBe(1500);
  });

  test("a map that cannot be read tells nothing", () => {
    for (const map of ["LOCAL:x,MPEGTS:1", "MPEGTS:1", "LOCAL:00:00:00.000", "", "MPEGTS:-5,LOCAL:00:00:00.000"]) {
      expect(cueTimeAtPts(withMap(`X-TIMESTAMP-MAP=${map}`), 1)).toBeUndefined();
    }
  });

  test("a clock of 33 bits that began again is brought near the cues", () => {
    const cycle = 2 ** 33 / 90_000;
    const near = "26:31:00.000 --> 26:31:01.000";
    expect(cueTimeAtPts(withMap("", near), 16)).toBeCloseTo((cycle + 16) * 1000, 3);
    expect(cueTimeAtPts(withMap("X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:8589900000"), 0.1)).toBeCloseTo(
      (cycle + 0.1) * 1000 - 8_589_900_000 / 90,
      3,
    );
  });
});

describe("cueTimeAtProgramme", () => {
  test("is the programme's time where all cues lie in the segment", () => {
    expect(cueTimeAtProgramme(parse("WEBVTT\n\n00:31.000 --> 00:39.000\nx\n"), 30, 6)).toBe(30_000);
    expect(cueTimeAtProgramme(parse("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:01:00.000,MPEGTS:0\n\n"), 30, 6)).toBe(90_000);
  });

  test("is not known where a cue shows another clock", () => {
    expect(cueTimeAtProgramme(parse("WEBVTT\n\n10:00:31.000 --> 10:00:33.000\nx\n"), 30, 6)).toBeUndefined();
  });
});
