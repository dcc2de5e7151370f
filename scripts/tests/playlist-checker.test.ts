/** The checker that the specs of the manifest server rely on finds each fault that it is there for. */
import { describe, expect, test } from "vitest";
import { checkRun, type RecordedRun, type Refresh } from "../../e2e/playlist-checker.ts";

interface Entry {
  readonly uri: string;
  readonly duration: number;
  readonly discontinuity: boolean;
  /** Seconds. */
  readonly date: number;
}

const START = Date.UTC(2026, 10, 21) / 1000;
const SEGMENT = 2;
const WINDOW = 6;

/** What the pod is shorter than the content that it replaces, seconds. */
const EARLY = 0.6;

/** Content 0-7, an ad of 4 s and one of 3.4 s in place of content 8-11, content 12-19 with dates that follow from those before. */
function makeTape(rung: string): readonly Entry[] {
  const content = (index: number, discontinuity = false): Entry => ({
    uri: `https://origin.example/${rung}_${index}.ts`,
    duration: SEGMENT,
    discontinuity,
    date: START + index * SEGMENT - (index < 12 ? 0 : EARLY),
  });
  const ad = (id: string, index: number, duration: number, date: number): Entry => ({
    uri: `https://cdn.example/${id}/${rung}_${index}.ts`,
    duration,
    discontinuity: index === 0,
    date: START + date,
  });
  const pod = [ad("a", 0, 2, 16), ad("a", 1, 2, 18), ad("b", 0, 2, 20), ad("b", 1, 1.4, 22)];
  const numbers = (from: number, to: number): readonly number[] =>
    Array.from({ length: to - from }, (_, index) => from + index);
  const [before, after] = [numbers(0, 8), numbers(12, 20)];
  return [...before.map((n) => content(n)), ...pod, ...after.map((n) => content(n, n === 12))];
}

/** The window whose first entry is `first`. */
function formatWindow(tape: readonly Entry[], first: number, target = SEGMENT): string {
  const before = tape.slice(0, first).filter(({ discontinuity }) => discontinuity).length;
  const lines = tape
    .slice(first, first + WINDOW)
    .flatMap(({ uri, duration, discontinuity, date }) => [
      ...(discontinuity ? ["#EXT-X-DISCONTINUITY"] : []),
      `#EXT-X-PROGRAM-DATE-TIME:${new Date(date * 1000).toISOString()}`,
      `#EXTINF:${duration.toFixed(6)},`,
      uri,
    ]);
  const head = ["#EXTM3U", "#EXT-X-VERSION:3", `#EXT-X-TARGETDURATION:${target}`, `#EXT-X-MEDIA-SEQUENCE:${first}`];
  return [...head, `#EXT-X-DISCONTINUITY-SEQUENCE:${before}`, ...lines, ""].join("\n");
}

/** All windows of a tape, each with the content's edge of its time. */
function recordTape(tape: readonly Entry[], target?: number): readonly Refresh[] {
  return Array.from({ length: tape.length - WINDOW + 1 }, (_, first) => {
    const edge = first + WINDOW;
    return { text: formatWindow(tape, first, target), contentEdge: [edge, edge] };
  });
}

function nameSegment(uri: string): { readonly id: string; readonly index: number } {
  const [, id = "content", index] = /\/([ab])?\/?\w+_(\d+)\.ts$/.exec(uri) ?? [];
  return { id, index: Number(index) };
}

function check(renditions: Readonly<Record<string, readonly Refresh[]>>): readonly string[] {
  const run: RecordedRun = {
    renditions: Object.entries(renditions).map(([name, refreshes]) => ({ name, refreshes })),
    nameSegment,
    segmentDuration: SEGMENT,
  };
  return checkRun(run).faults;
}

const tape = makeTape("360");
const change = (index: number, entry: Partial<Entry>): readonly Entry[] =>
  tape.map((own, at) => (at === index ? { ...own, ...entry } : own));
const rewrite = (at: number, edit: (text: string) => string): readonly Refresh[] =>
  recordTape(tape).map((refresh, index) => (index === at ? { ...refresh, text: edit(refresh.text) } : refresh));

describe("a break that enters, crosses and leaves the window", () => {
  test("has no faults, and each segment is shown once", () => {
    const renditions = ["180", "360"].map((name) => ({ name, refreshes: recordTape(makeTape(name)) }));
    const { faults, shown } = checkRun({ renditions, nameSegment, segmentDuration: SEGMENT });
    expect(faults).toEqual([]);
    expect(shown.get("180")?.map(({ id, index }) => `${id} ${index}`)).toEqual(
      tape.map(({ uri }) => `${nameSegment(uri).id} ${nameSegment(uri).index}`),
    );
  });

  test("may have its date only where the window begins with it", () => {
    const ad = (line: string): boolean => /^#EXT-X-PROGRAM-DATE-TIME:2026-11-21T00:00:(?:18|20|22)/.test(line);
    const refreshes = recordTape(tape).map((refresh) => {
      const [head, ...rest] = refresh.text.split("#EXTINF");
      const text = [
        head,
        ...rest.map((part) =>
          part
            .split("\n")
            .filter((line) => !ad(line))
            .join("\n"),
        ),
      ].join("#EXTINF");
      return { ...refresh, text };
    });
    expect(check({ "360": refreshes })).toEqual([]);
  });
});

describe("a segment's number", () => {
  test("does not pass to another segment", () => {
    const faults = check({ "360": rewrite(4, (text) => text.replace("MEDIA-SEQUENCE:4", "MEDIA-SEQUENCE:5")) });
    expect(faults).toContainEqual(expect.stringMatching(/^360: refresh 4: segment 5 was content 5 .*, is content 4 /));
    expect(faults).toContainEqual(expect.stringMatching(/^360: refresh 4: \S+360_4\.ts was segment 4, is 5$/));
  });

  test("does not go back, at the start of the window or at its end", () => {
    const refreshes = recordTape(tape);
    const faults = check({ "360": [...refreshes.slice(0, 6), ...refreshes.slice(3)] });
    expect(faults).toContainEqual("360: refresh 6: EXT-X-MEDIA-SEQUENCE was 5, is 3");
    expect(faults).toContainEqual("360: refresh 6: the segments from 9 to 10 are gone from the end");
  });

  test("is not left out", () => {
    const refreshes = recordTape(tape);
    expect(check({ "360": [...refreshes.slice(0, 3), ...refreshes.slice(10)] })).toContainEqual(
      "360: segments 8 to 9 were never listed",
    );
  });
});

describe("EXT-X-DISCONTINUITY", () => {
  test.each([
    ["where the ads begin", 8, "0 discontinuities between content 7 and a 0 (segment 8)"],
    ["between two ads", 10, "0 discontinuities between a 1 and b 0 (segment 10)"],
    ["where content comes back", 12, "0 discontinuities between b 1 and content 12 (segment 12)"],
  ])("is missed %s", (_where, index, fault) => {
    expect(check({ "360": recordTape(change(index, { discontinuity: false })) })).toContainEqual(`360: ${fault}`);
  });

  test("is one too many inside an ad and inside content", () => {
    expect(check({ "360": recordTape(change(9, { discontinuity: true })) })).toContainEqual(
      "360: 1 discontinuities between a 0 and a 1 (segment 9)",
    );
    expect(check({ "360": recordTape(change(3, { discontinuity: true })) })).toContainEqual(
      "360: 1 discontinuities between content 2 and content 3 (segment 3)",
    );
  });

  test("is counted when it leaves the window", () => {
    const forgotten = (text: string): string => text.replace("DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:0");
    const faults = check({ "360": rewrite(9, forgotten) });
    expect(faults).toContainEqual(
      expect.stringMatching(/^360: refresh 9: segment 9 was a 1 .*discontinuity 1.*, is a 1 /),
    );
  });
});

describe("EXT-X-TARGETDURATION", () => {
  test("does not change", () => {
    const longer = (text: string): string => text.replace("TARGETDURATION:2", "TARGETDURATION:3");
    expect(check({ "360": rewrite(3, longer) })).toContainEqual("360: refresh 3: EXT-X-TARGETDURATION was 2, is 3");
  });

  test("is not below a segment's rounded length", () => {
    const refreshes = recordTape(change(9, { duration: 2.6 }));
    expect(check({ "360": refreshes })).toContainEqual(
      expect.stringMatching(/^360: refresh 4: hls-parser: .* MUST be less than or equal to the target duration$/),
    );
  });

  test("fits three times into every window", () => {
    const cut = (text: string): string => text.split("\n").slice(0, 11).join("\n");
    expect(check({ "360": rewrite(0, cut) })).toContainEqual(
      "360: refresh 0: 4 s are listed, expected three target durations",
    );
  });
});

describe("EXT-X-PROGRAM-DATE-TIME", () => {
  test.each([
    ["goes back", 9, START + 10, "segment 9 (a 1): its date is 8.000 s too early"],
    ["leaves a hole where content comes back", 12, START + 24, "segment 12 (content 12): its date is 0.600 s too late"],
    ["begins before the ads end", 12, START + 22, "segment 12 (content 12): its date is 1.400 s too early"],
  ])("never %s", (_what, index, date, fault) => {
    expect(check({ "360": recordTape(change(index, { date })) })).toContainEqual(`360: ${fault}`);
  });

  test("stays what it was", () => {
    const other = (text: string): string => text.replace("00:00:14.000Z", "00:00:14.500Z");
    expect(check({ "360": rewrite(5, other) })).toContainEqual(expect.stringContaining("refresh 5: segment 7 was"));
  });
});

describe("ads", () => {
  test("begin with their first segment, and content does not jump", () => {
    const late = tape.toSpliced(8, 1).map((entry, at) => (at === 8 ? { ...entry, discontinuity: true } : entry));
    expect(check({ "360": recordTape(late) })).toContainEqual(
      "360: the ad does not begin at its start between content 7 and a 1 (segment 8)",
    );
    expect(check({ "360": recordTape(tape.toSpliced(3, 1)) })).toContainEqual(
      "360: content jumps between content 2 and content 4 (segment 3)",
    );
  });

  test("are the same in all renditions, under the same numbers", () => {
    const swapped = change(8, { uri: "https://cdn.example/b/360_0.ts" });
    const faults = check({ "180": recordTape(makeTape("180")), "360": recordTape(swapped) });
    expect(faults).toContainEqual(expect.stringMatching(/^segment 8: 180 has a 0 .*, 360 b 0 /));
  });
});

describe("the distance to the edge", () => {
  test("is at most one segment when content comes back", () => {
    const inserted = [...tape.slice(0, 12), ...tape.slice(8, 10), ...tape.slice(12)];
    const faults = check({ "360": recordTape(inserted) });
    expect(faults).toContainEqual("360: content 12 (segment 14) is 3.400 s beside its place");
  });

  test("is at most one segment at any time", () => {
    const refreshes = recordTape(tape).map((refresh, at) =>
      at === 5 ? { ...refresh, contentEdge: [13, 13] as const } : refresh,
    );
    expect(check({ "360": refreshes })).toEqual([
      "360: refresh 5: its end is 4.000 s behind the content's, expected 2 at most",
    ]);
  });
});

test("a playlist that the readers do not understand, or understand differently, is a fault", () => {
  const faults = check({ "360": rewrite(2, (text) => text.replace("#EXTINF:2.000000,", "")) });
  expect(faults).toContainEqual(expect.stringMatching(/^360: refresh 2: (?:hls-parser|m3u8-parser)/));
  expect(check({ "360": rewrite(2, () => "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n360.m3u8\n") })).toContainEqual(
    expect.stringContaining("refresh 2: hls-parser"),
  );
});
