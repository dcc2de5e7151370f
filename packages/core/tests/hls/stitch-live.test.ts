import { type AvailDecision, emptyTimeline, forkTimeline, parseMediaPlaylist, stitchLive } from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { availId, decidePods, listAll, type Origin, podOf, type Refresh, watch, writeWindow } from "./live-model.ts";
import { adRendition, CONTENT, pod, podAd, readByHlsParser, readByM3u8Parser } from "./playlists.ts";

const FIRST = 1000;
const NONE: ReadonlyMap<string, AvailDecision> = new Map();

function steady(count: number, duration: number, more: Partial<Origin> = {}): Origin {
  const durations = Array.from({ length: count }, () => duration);
  return { durations, targetDuration: Math.round(duration), discontinuities: new Set(), breaks: [], ...more };
}

const milliseconds = fc.integer({ min: 500, max: 2000 }).map((duration) => duration / 1000);

/** Origins with breaks that leave at least one segment between them. */
const origins = fc
  .record({
    duration: fc.constantFrom(2, 4, 5.005, 6, 6.006),
    jitter: fc.boolean(),
    discontinuities: fc.uniqueArray(fc.nat(60), { maxLength: 6 }),
    breaks: fc.array(
      fc.record({
        gap: fc.integer({ min: 1, max: 9 }),
        ads: fc.array(fc.array(milliseconds, { minLength: 1, maxLength: 8 }), {
          minLength: 1,
          maxLength: 3,
        }),
      }),
      { maxLength: 5 },
    ),
    isEncrypted: fc.boolean(),
    firstDiscontinuitySequence: fc.nat(3),
  })
  .map(({ duration, jitter, discontinuities, breaks, isEncrypted, firstDiscontinuitySequence }): Origin => {
    let next = 0;
    const placed = breaks.map(({ gap, ads }) => {
      const segment = next + gap;
      const total = ads.flat().reduce((sum, part) => sum + part, 0);
      next = segment + Math.ceil(total / (duration * 0.8)) + 1;
      return { segment, duration: Math.max(1, total), ads };
    });
    const durations = Array.from({ length: next + 12 }, (_, index) =>
      jitter && index % 3 === 1 ? duration * 0.9 : duration,
    );
    const targetDuration = Math.round(duration);
    return {
      durations,
      targetDuration,
      discontinuities: new Set(discontinuities),
      breaks: placed,
      isEncrypted,
      firstDiscontinuitySequence,
    };
  });
const viewings = fc.record({
  window: fc.integer({ min: 1, max: 12 }),
  steps: fc
    .array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 })
    .filter((steps) => steps.some(Boolean)),
});

const total = (refresh: Refresh): number => refresh.segments.reduce((sum, { duration }) => sum + duration, 0);

/** How far the stitched edge is ahead of the content's, in seconds: time of all that was ever listed on either side. */
function edgeOffsets(origin: Origin, refreshes: readonly Refresh[]): readonly number[] {
  const all = listAll(origin);
  return refreshes.map(({ segments, edge }) => {
    const listed = (segments.at(-1)?.mediaSequence ?? 0) - FIRST + 1;
    const stitched = all.slice(0, listed).reduce((sum, { duration }) => sum + duration, 0);
    return stitched - origin.durations.slice(0, edge).reduce((sum, duration) => sum + duration, 0);
  });
}

describe("stitchLive", () => {
  test("every window is a window of one infinite list: its segments, their numbers and their discontinuity numbers", () => {
    fc.assert(
      fc.property(origins, viewings, (origin, viewing) => {
        const all = listAll(origin);
        for (const { segments, stitched } of watch(origin, viewing)) {
          expect(stitched.refused).toEqual([]);
          expect(segments.length).toBeGreaterThan(0);
          for (const { uri, duration, mediaSequence, discontinuitySequence } of segments) {
            expect({ uri, duration, discontinuitySequence }).toEqual(all[mediaSequence - FIRST]);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("the media sequence number never decreases, the target duration never changes, and both ends move on", () => {
    fc.assert(
      fc.property(origins, viewings, (origin, viewing) => {
        const refreshes = watch(origin, viewing);
        let [head, tail] = [0, 0];
        for (const { segments, targetDuration } of refreshes) {
          expect(targetDuration).toBe(`TARGETDURATION:${origin.targetDuration}`);
          expect(segments[0]?.mediaSequence).toBeGreaterThanOrEqual(head);
          expect(segments.at(-1)?.mediaSequence).toBeGreaterThanOrEqual(tail);
          head = segments[0]?.mediaSequence ?? 0;
          tail = segments.at(-1)?.mediaSequence ?? 0;
        }
      }),
    );
  });

  test("a segment that was listed never changes: address, duration, key and IV stay what they were", () => {
    fc.assert(
      fc.property(origins, viewings, (origin, viewing) => {
        const seen = new Map<number, string>();
        for (const { stitched } of watch(origin, viewing)) {
          const { segments, mediaSequence } = parseMediaPlaylist(stitched.text);
          for (const [index, { uri, duration, keys }] of segments.entries()) {
            const number = mediaSequence + index;
            const key = keys.map(({ value, hasImplicitIv }) =>
              hasImplicitIv ? `${value},IV=0x${number.toString(16).padStart(32, "0")}` : value,
            );
            const now = JSON.stringify({ uri, duration, key });
            expect(now).toBe(seen.get(number) ?? now);
            seen.set(number, now);
          }
        }
      }),
    );
  });

  test("every content segment is decrypted with the IV of its own media sequence number, every ad with none", () => {
    fc.assert(
      fc.property(origins, viewings, (origin, viewing) => {
        for (const { stitched } of watch({ ...origin, isEncrypted: true }, viewing)) {
          const { segments, mediaSequence } = parseMediaPlaylist(stitched.text);
          for (const [index, { uri, keys }] of segments.entries()) {
            const origins = keys.map((key) =>
              key.hasImplicitIv ? mediaSequence + index : Number.parseInt(/IV=0x(.*)/.exec(key.value)?.[1] ?? "", 16),
            );
            const content = /^c(\d+)/.exec(uri)?.[1];
            expect(origins).toEqual(content === undefined ? [] : [FIRST + Number(content)]);
          }
        }
      }),
    );
  });

  test.each([6, 4, 5.005])(
    "over 20 breaks of 29.5 s in avails of 30 s the edge moves by at most one segment of %s s",
    (size) => {
      const avail = Math.ceil(30 / size);
      const breaks = Array.from({ length: 20 }, (_, index) => ({
        segment: 3 + index * (avail + 3),
        duration: 30,
        ads: [Array.from({ length: 5 }, () => 2.95), Array.from({ length: 5 }, () => 2.95)],
      }));
      const origin = steady(23 * (avail + 3), size, { breaks });
      const refreshes = watch(origin, { window: 6, steps: [1] });
      const offsets = edgeOffsets(origin, refreshes);
      expect(refreshes.at(-1)?.stitched.refused).toEqual([]);
      expect(Math.max(...offsets) - Math.min(...offsets)).toBeLessThanOrEqual(size + 1e-6);
      expect(listAll(origin).filter(({ uri }) => uri.startsWith("https")).length).toBe(200);
    },
  );

  test("the edge moves by at most one segment whatever the pods and the segments are", () => {
    fc.assert(
      fc.property(origins, viewings, (origin, viewing) => {
        const longest = Math.max(...origin.durations, ...origin.breaks.flatMap(({ ads }) => ads.flat()));
        const offsets = edgeOffsets(origin, watch(origin, viewing));
        // Where the window holds one segment, the ad segment that keeps it from being empty may come up to one segment early.
        const limit = viewing.window === 1 ? 2 * longest : longest;
        expect(Math.max(...offsets) - Math.min(...offsets)).toBeLessThanOrEqual(limit + 1e-6);
      }),
    );
  });

  test("what a break leaves over goes on to the next one also where each window lists one segment", () => {
    const durations = Array.from({ length: 30 }, (_, index) => (index % 3 === 1 ? 4.5045 : 5.005));
    const breaks = [
      { segment: 5, duration: 2.503, ads: [[2.503]] },
      { segment: 8, duration: 10.01, ads: [[5.005, 5.005]] },
      { segment: 13, duration: 1, ads: [[1]] },
      { segment: 16, duration: 1.253, ads: [[1.253]] },
    ];
    const origin = steady(30, 5, { durations, breaks });
    const all = listAll(origin);
    for (const { segments } of watch(origin, { window: 1, steps: [1] })) {
      expect(segments.map(({ uri }) => uri)).toEqual(
        segments.map((segment) => all[segment.mediaSequence - FIRST]?.uri),
      );
    }
  });

  test("without decisions the text is the same", () => {
    fc.assert(
      fc.property(origins, viewings, (origin, viewing) => {
        for (const { stitched, edge } of watch(origin, { ...viewing, decide: () => NONE })) {
          expect(stitched.text).toBe(writeWindow(origin, edge - viewing.window, edge));
        }
      }),
    );
  });

  test("renditions with one decision are spliced at the same place with the same numbers", () => {
    fc.assert(
      fc.property(origins, viewings, (origin, viewing) => {
        const [low, high] = [6e5, 9e6].map((bandwidthBps) =>
          watch(origin, { ...viewing, content: { ...CONTENT, bandwidthBps } }).map(({ stitched }) => stitched),
        );
        expect(low?.map(({ text }) => text.replaceAll("/5e5", ""))).toEqual(high?.map(({ text }) => text));
        expect(low?.map(({ breaks }) => breaks)).toEqual(high?.map(({ breaks }) => breaks));
      }),
    );
  });

  test("a rendition that joins late shows what it would show had it been followed from the start", () => {
    fc.assert(
      fc.property(origins, viewings, fc.nat(60), fc.integer({ min: -5, max: 5 }), (origin, viewing, at, apart) => {
        const refreshes = watch(origin, viewing);
        const joined = refreshes[at % refreshes.length];
        const next = refreshes[(at % refreshes.length) + 1];
        if (!joined || !next) return;
        const dated = (from: number): readonly string[] => [`#EXT-X-X:${from}`];
        const text = writeWindow(origin, next.edge - viewing.window, next.edge, dated(apart));
        const forked = stitchLive(text, CONTENT, forkTimeline(joined.stitched.timeline), decidePods(origin));
        expect(readByHlsParser(forked.text)).toEqual(next.segments);
      }),
    );
  });

  test("a rendition with other media sequence numbers joins by its dates", () => {
    const breaks = [{ segment: 4, duration: 12, ads: [[6, 5]] }];
    const date = (origin: Origin, from: number, to: number): string =>
      writeWindow(origin, from, to).replace(
        "#EXTINF",
        `#EXT-X-PROGRAM-DATE-TIME:${new Date(Date.UTC(2026, 0, 1) + from * 6000).toISOString()}\n#EXTINF`,
      );
    const first = steady(30, 6, { breaks });
    const other = steady(30, 6, { breaks: [], firstMediaSequence: 40 });
    const one = stitchLive(date(first, 2, 8), CONTENT, emptyTimeline(), decidePods(first));
    const two = stitchLive(date(other, 3, 9), CONTENT, forkTimeline(one.timeline), NONE);
    const same = stitchLive(date(first, 3, 9), CONTENT, one.timeline, decidePods(first));
    expect(readByHlsParser(two.text).map(({ uri, discontinuitySequence }) => [uri, discontinuitySequence])).toEqual(
      readByHlsParser(same.text).map(({ uri, discontinuitySequence }) => [uri, discontinuitySequence]),
    );
  });

  test("a decision with a date reaches a rendition that carries no cues", () => {
    const origin = steady(30, 6, { breaks: [{ segment: 4, duration: 12, ads: [[6, 6]] }] });
    const [decision] = decidePods(origin).values();
    const bare = steady(30, 6);
    const text = writeWindow(bare, 2, 8).replace(
      "#EXTINF",
      "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:12.000Z\n#EXTINF",
    );
    if (!decision) throw new Error("expected a decision");
    const decisions = new Map([["a4", { ...decision, programDateTime: "2026-01-01T00:00:24.000Z" }]]);
    const uris = readByHlsParser(stitchLive(text, CONTENT, emptyTimeline(), decisions).text).map(({ uri }) => uri);
    expect(uris.map((uri) => uri.replace(/.*\//, ""))).toEqual([
      "c2.ts",
      "c3.ts",
      "a4-0-0.ts",
      "a4-0-1.ts",
      "c6.ts",
      "c7.ts",
    ]);
  });
});

test("an avail that two renditions name differently is one avail, decided once", () => {
  const origin = steady(30, 6, { breaks: [{ segment: 4, duration: 6, ads: [[6]] }] });
  const date = "2026-01-01T00:00:24.000Z";
  const text = writeWindow(origin, 2, 8).replace(
    "#EXTINF",
    "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:12.000Z\n#EXTINF",
  );
  const decide = (id: string, name: string): [string, AvailDecision] => [
    id,
    { kind: "pod", pod: pod(id, podAd(name, 6)), availDuration: 6, programDateTime: date },
  ];
  for (const first of ["a4", "other"]) {
    const second = first === "a4" ? "other" : "a4";
    const decisions = new Map([decide(first, "x"), decide(second, "y")]);
    const { breaks } = stitchLive(text, CONTENT, emptyTimeline(), decisions);
    expect(breaks.map(({ breakId }) => breakId)).toEqual([first]);
  }
});

describe("an avail in a live playlist", () => {
  const origin = steady(40, 6, { breaks: [{ segment: 5, duration: 12, ads: [[6, 6]] }] });
  const hold: ReadonlyMap<string, AvailDecision> = new Map([["a5", { kind: "hold" }]]);
  const uris = (text: string): readonly string[] => readByHlsParser(text).map(({ uri }) => uri.replace(/.*\//, ""));

  test("that is held ends the playlist before its first segment, and the pod then takes its place", () => {
    const held = stitchLive(writeWindow(origin, 1, 6), CONTENT, emptyTimeline(), hold);
    expect(uris(held.text)).toEqual(["c1.ts", "c2.ts", "c3.ts", "c4.ts"]);
    expect(held.avails).toMatchObject([{ id: "a5", mediaSequence: FIRST + 5, duration: 12 }]);
    const placed = stitchLive(writeWindow(origin, 2, 7), CONTENT, held.timeline, decidePods(origin));
    expect(uris(placed.text)).toEqual(["c2.ts", "c3.ts", "c4.ts", "a5-0-0.ts", "a5-0-1.ts"]);
  });

  test("that is held, and would leave nothing to list, is content for good", () => {
    const held = stitchLive(writeWindow(origin, 5, 8), CONTENT, emptyTimeline(), hold);
    expect(held.text).toBe(writeWindow(origin, 5, 8));
    const late = stitchLive(writeWindow(origin, 5, 9), CONTENT, held.timeline, decidePods(origin));
    expect(late.text).toBe(writeWindow(origin, 5, 9));
    expect(late.refused).toEqual([{ breakId: "a5", adId: "a5-0", index: 0, reason: "ads-timeout" }]);
  });

  test("that was listed as content stays content when a pod comes too late", () => {
    const shown = stitchLive(writeWindow(origin, 1, 6), CONTENT, emptyTimeline(), NONE);
    const late = stitchLive(writeWindow(origin, 2, 7), CONTENT, shown.timeline, decidePods(origin));
    expect(late.text).toBe(writeWindow(origin, 2, 7));
    expect(late.refused.map(({ reason }) => reason)).toEqual(["ads-timeout"]);
  });

  test("that began before the first playlist of a viewer is content", () => {
    const text = writeWindow(origin, 6, 10).replace(
      "#EXTINF",
      "#EXT-X-CUE-OUT-CONT:ID=a5,ElapsedTime=6,Duration=12\n#EXTINF",
    );
    const joined = stitchLive(text, CONTENT, emptyTimeline(), decidePods(origin));
    expect(joined.text).toBe(text);
    expect(joined.avails).toEqual([]);
  });

  test("takes the ads that fit to within half a target duration, and the others are refused", () => {
    const ads = [podAd("x", 5, 5), podAd("too-long", 6, 6), podAd("y", 5)];
    const decisions = new Map<string, AvailDecision>([
      ["a5", { kind: "pod", pod: pod("b", ...ads), availDuration: 12 }],
    ]);
    const { breaks, refused } = stitchLive(writeWindow(origin, 1, 8), CONTENT, emptyTimeline(), decisions);
    expect(breaks[0]?.ads.map(({ adId }) => adId)).toEqual(["x", "y"]);
    expect(refused).toEqual([{ breakId: "b", adId: "too-long", index: 1, reason: "break-duration-exceeded" }]);
  });

  test("refuses an ad one of whose renditions has a segment longer than the target duration", () => {
    const renditions = [adRendition("x", [6], 1e6), adRendition("x", [6.6], 9e6)];
    const decision = { kind: "pod" as const, pod: pod("b", { adId: "x", renditions }), availDuration: 12 };
    const stitched = stitchLive(writeWindow(origin, 1, 8), CONTENT, emptyTimeline(), new Map([["a5", decision]]));
    expect(stitched.text).toBe(writeWindow(origin, 1, 8));
    expect(stitched.refused).toEqual([{ breakId: "b", adId: "x", index: 0, reason: "target-duration-exceeded" }]);
  });

  test("follows another at once, with no content between the pods", () => {
    const next = { segment: 7, duration: 12, ads: [[6, 6]] };
    const two = { ...origin, breaks: [...origin.breaks, next] };
    const [refresh] = watch(two, { window: 11, steps: [1] });
    const ads = ["a5-0-0.ts", "a5-0-1.ts", "a7-0-0.ts", "a7-0-1.ts"];
    expect(uris(refresh?.stitched.text ?? "")).toEqual([
      "c0.ts",
      "c1.ts",
      "c2.ts",
      "c3.ts",
      "c4.ts",
      ...ads,
      "c9.ts",
      "c10.ts",
    ]);
    expect(refresh?.segments.map((segment) => segment.discontinuitySequence)).toEqual([
      0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3,
    ]);
  });

  test.each([
    ["ends where the next begins", [6, 6], 12],
    ["runs one segment into the next", [6, 6, 5], 14],
  ])("whose pod %s leaves no content between them, and every window has its numbers", (_, ads, duration) => {
    const breaks = [
      { segment: 5, duration, ads: [ads] },
      { segment: 7, duration: 12, ads: [[6, 6]] },
    ];
    const two = { ...origin, breaks };
    const all = listAll(two);
    const refreshes = watch(two, { window: 4, steps: [1] });
    const listed = new Map(
      refreshes.flatMap(({ segments }) => segments.map((segment) => [segment.mediaSequence, segment])),
    );
    expect([...listed.keys()].toSorted((a, b) => a - b)).toEqual(all.map((_, index) => FIRST + index));
    for (const { mediaSequence, uri, duration, discontinuitySequence } of refreshes.flatMap(
      ({ segments }) => segments,
    )) {
      expect({ uri, duration, discontinuitySequence }).toEqual(all[mediaSequence - FIRST]);
    }
  });

  test("that the pod before it runs into by more than a segment is content", () => {
    const breaks = [
      { segment: 5, duration: 24, ads: [[6, 6, 6, 6]] },
      { segment: 7, duration: 12, ads: [[6, 6]] },
    ];
    const last = watch({ ...origin, breaks }, { window: 12, steps: [1] })[0];
    expect(last?.stitched.refused).toEqual([
      { breakId: "a7", adId: "a7-0", index: 0, reason: "break-duration-exceeded" },
    ]);
    expect(last?.stitched.breaks.map(({ breakId }) => breakId)).toEqual(["a5"]);
  });
});

describe("a live playlist", () => {
  const origin = steady(40, 6, { breaks: [{ segment: 5, duration: 24, ads: [[6, 6, 6, 6]] }] });
  const decisions = decidePods(origin);

  test("that ends inside a pod lists the rest of the pod and then its end", () => {
    const first = stitchLive(writeWindow(origin, 1, 6), CONTENT, emptyTimeline(), decisions);
    const last = stitchLive(`${writeWindow(origin, 2, 7)}#EXT-X-ENDLIST\n`, CONTENT, first.timeline, decisions);
    const manifest = readByM3u8Parser(last.text);
    expect(manifest.endList).toBe(true);
    expect(manifest.segments.slice(3).map(({ uri }) => uri.replace(/.*\//, ""))).toEqual([
      "a5-0-0.ts",
      "a5-0-1.ts",
      "a5-0-2.ts",
      "a5-0-3.ts",
    ]);
  });

  test("that is held when it ends does not end before the avail is decided", () => {
    const hold: ReadonlyMap<string, AvailDecision> = new Map([["a5", { kind: "hold" }]]);
    const held = stitchLive(`${writeWindow(origin, 1, 6)}#EXT-X-ENDLIST\n`, CONTENT, emptyTimeline(), hold);
    expect(held.text).not.toContain("ENDLIST");
    const decided = stitchLive(`${writeWindow(origin, 1, 6)}#EXT-X-ENDLIST\n`, CONTENT, held.timeline, NONE);
    expect(decided.text).toContain("ENDLIST");
  });

  test("with several discontinuity tags before a segment counts each of them, wherever it stands to the break", () => {
    const broken = { ...origin, discontinuities: new Set([2, 5, 7, 9, 10, 14]) };
    let timeline = emptyTimeline();
    const seen = new Map<string, number>();
    for (let edge = 6; edge <= 30; edge++) {
      const first = edge - 6;
      const before = 2 * [...broken.discontinuities].filter((index) => index < first).length;
      const text = writeWindow(broken, first, edge)
        .replaceAll("#EXT-X-DISCONTINUITY\n", "#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY\n")
        .replace(/(DISCONTINUITY-SEQUENCE:).*/, `$1${before}`);
      const stitched = stitchLive(text, CONTENT, timeline, decisions);
      timeline = stitched.timeline;
      let sequence = Number(/DISCONTINUITY-SEQUENCE:(\d+)/.exec(stitched.text)?.[1]);
      for (const line of stitched.text.split("\n")) {
        if (line === "#EXT-X-DISCONTINUITY") sequence++;
        if (line === "" || line.startsWith("#")) continue;
        expect([line, sequence]).toEqual([line, seen.get(line) ?? sequence]);
        seen.set(line, sequence);
      }
    }
    expect(seen.size).toBe(30);
  });

  test("whose last line belongs to what comes next is not printed with it while a pod is listed", () => {
    const tail = "#EXT-X-DISCONTINUITY\n#EXT-X-CUE-IN\n";
    const { text } = stitchLive(writeWindow(origin, 1, 7) + tail, CONTENT, emptyTimeline(), decisions);
    expect(text.endsWith(".ts\n")).toBe(true);
    const after = stitchLive(writeWindow(origin, 5, 12) + tail, CONTENT, emptyTimeline(), decisions);
    expect(after.text.endsWith(`c11.ts\n${tail}`)).toBe(true);
  });

  test("of type EVENT keeps every segment from the first on", () => {
    let timeline = emptyTimeline();
    let listed: readonly string[] = [];
    for (let edge = 3; edge <= 20; edge++) {
      const text = writeWindow(origin, 0, edge, ["#EXT-X-PLAYLIST-TYPE:EVENT"]);
      const stitched = stitchLive(text, CONTENT, timeline, decisions);
      const now = readByHlsParser(stitched.text).map(({ uri }) => uri);
      expect(now.slice(0, listed.length)).toEqual(listed);
      timeline = stitched.timeline;
      listed = now;
    }
    expect(listed).toEqual(listAll({ ...origin, durations: origin.durations.slice(0, 20) }).map(({ uri }) => uri));
  });

  test("keeps the dates of its content, and an ad at the head of the window has the date of its place", () => {
    const dated = (from: number, to: number): string =>
      writeWindow(origin, from, to).replace(
        "#EXTINF",
        `#EXT-X-PROGRAM-DATE-TIME:${new Date(Date.UTC(2026, 0, 1, 0, 0, from * 6)).toISOString()}\n#EXTINF`,
      );
    const first = stitchLive(dated(2, 8), CONTENT, emptyTimeline(), decisions);
    expect(readByHlsParser(first.text).map(({ date }) => date)).toEqual([
      Date.UTC(2026, 0, 1, 0, 0, 12),
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const later = readByHlsParser(stitchLive(dated(6, 12), CONTENT, first.timeline, decisions).text);
    expect(later.map(({ uri, date }) => [uri.replace(/.*\//, ""), date])).toEqual([
      ["a5-0-1.ts", Date.UTC(2026, 0, 1, 0, 0, 36)],
      ["a5-0-2.ts", undefined],
      ["a5-0-3.ts", undefined],
      ["c9.ts", Date.UTC(2026, 0, 1, 0, 0, 54)],
      ["c10.ts", undefined],
      ["c11.ts", undefined],
    ]);
  });

  test("tells its breaks by their place in the window, before it where the window has left them", () => {
    const [, , , at3] = watch(origin, { window: 6, steps: [1] });
    expect(at3?.stitched.breaks).toMatchObject([
      { breakId: "a5", contentTime: 30, startTime: 12, duration: 24, firstMediaSequence: FIRST + 5 },
    ]);
    const gone = watch(origin, { window: 6, steps: [1] }).find(({ edge }) => edge === 13);
    expect(gone?.stitched.breaks).toMatchObject([{ startTime: -12, firstMediaSequence: FIRST + 5 }]);
  });

  test("whose cache answers with an older window gets the numbers that it had", () => {
    const refreshes = watch(origin, { window: 6, steps: [1] });
    const [old, recent] = [refreshes[4], refreshes[6]];
    if (!old || !recent) throw new Error("expected seven refreshes");
    const again = stitchLive(writeWindow(origin, old.edge - 6, old.edge), CONTENT, recent.stitched.timeline, decisions);
    expect(readByHlsParser(again.text).map((s) => [s.mediaSequence, s.uri, s.discontinuitySequence])).toEqual(
      old.segments.map((s) => [s.mediaSequence, s.uri, s.discontinuitySequence]),
    );
  });

  test("that skips what the viewer has not seen goes on after the pod", () => {
    const first = stitchLive(writeWindow(origin, 1, 7), CONTENT, emptyTimeline(), decisions);
    const later = readByHlsParser(stitchLive(writeWindow(origin, 20, 26), CONTENT, first.timeline, decisions).text);
    expect(later.map(({ uri }) => uri)).toEqual(["c20.ts", "c21.ts", "c22.ts", "c23.ts", "c24.ts", "c25.ts"]);
    expect(later[0]?.discontinuitySequence).toBe(2);
  });

  test("loses its low-latency tags only where it is changed", () => {
    const extra = ["#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1", "#EXT-X-PART-INF:PART-TARGET=0.5"];
    const tail = '#EXT-X-PART:DURATION=0.5,URI="p"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="q"\n';
    const text = (from: number, to: number): string => writeWindow(origin, from, to, extra) + tail;
    const first = stitchLive(text(0, 5), CONTENT, emptyTimeline(), decisions);
    expect(first.text).toBe(text(0, 5));
    const changed = stitchLive(text(1, 7), CONTENT, first.timeline, decisions).text;
    expect(changed).not.toMatch(/EXT-X-(PART|SERVER|PRELOAD)/);
    expect(() =>
      stitchLive(writeWindow(origin, 1, 7, ["#EXT-X-SKIP:SKIPPED-SEGMENTS=3"]), CONTENT, emptyTimeline(), NONE),
    ).toThrow("EXT-X-SKIP");
  });

  test("whose origin writes no discontinuity sequence gets one that counts from the viewer's first playlist", () => {
    const silent = { ...origin, discontinuities: new Set([2, 3, 12]) };
    let timeline = emptyTimeline();
    const all = listAll(silent);
    for (let edge = 6; edge <= 24; edge++) {
      const text = writeWindow(silent, edge - 6, edge).replace(/#EXT-X-DISCONTINUITY-SEQUENCE.*\n/, "");
      const stitched = stitchLive(text, CONTENT, timeline, decisions);
      timeline = stitched.timeline;
      if (stitched.text === text) continue;
      for (const { mediaSequence, discontinuitySequence } of readByHlsParser(stitched.text)) {
        expect(discontinuitySequence).toBe(all[mediaSequence - FIRST]?.discontinuitySequence);
      }
    }
  });
});

test("a pod is taken whole from a decision, whatever the content lists of its avail", () => {
  const origin = steady(20, 6, { breaks: [{ segment: 3, duration: 24, ads: [[4], [4, 4]] }] });
  const early = watch(origin, { window: 5, steps: [1] }).at(-1);
  expect(availId({ segment: 3, duration: 0, ads: [] })).toBe("a3");
  expect(podOf({ segment: 3, duration: 24, ads: [[4]] }).ads).toHaveLength(1);
  expect(early && total(early)).toBeGreaterThan(24);
});
