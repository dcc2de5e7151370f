import {
  emptyTimeline,
  type Marker,
  parseMarker,
  parseVast,
  parseVmap,
  readXml,
  stitchLive,
  stitchVod,
} from "@interlude/core";
import { describe, expect, test } from "vitest";
import { createDecorator } from "../../src/manifest/tracking/ad-decorator.ts";
import type { BreakDecision } from "../../src/manifest/breaks/decision.ts";
import { createMarkerTags, type MarkerTags } from "../../src/manifest/tracking/marker-tags.ts";
import { createSegmentLinks } from "../../src/manifest/tracking/segment-links.ts";
import { parseXml } from "../../src/xml.ts";
import { contentText, decidedAd, decidedBreak, MAIN, segmentPlaces, SIGNER, timedPod } from "./tracking-world.ts";

const TWO = decidedBreak([decidedAd("one"), decidedAd("two", { sequence: 2, wrapperAdIds: ["w"] })]);

function decoratorOf(decision: BreakDecision, markers: MarkerTags = createMarkerTags()) {
  const decisions = new Map([[decision.breakId, decision]]);
  const decorate = createDecorator({
    mode: "marker",
    sessionId: "s",
    decisions,
    links: createSegmentLinks(SIGNER),
    markers,
  });
  if (!decorate) throw new Error("expected a decorator");
  return decorate;
}

/** The markers of each segment of a break. */
function markersOf(decision: BreakDecision, durations?: readonly number[]): readonly (readonly Marker[])[] {
  const decorate = decoratorOf(decision);
  return segmentPlaces(decision, durations).map((place) =>
    (decorate(place).tags ?? []).flatMap((line) => parseMarker(line) ?? []),
  );
}

describe("EXT-X-MARKER", () => {
  test("stands on the first segment of the break, of each ad, and on the last of the break, pod before ad", () => {
    expect(markersOf(TWO).map((markers) => markers.map(({ type }) => type))).toEqual([
      ["PodBegin", "AdBegin"],
      [],
      [],
      ["AdBegin"],
      [],
      ["PodEnd"],
    ]);
    expect(markersOf(decidedBreak([decidedAd("one")]), [10])[0]?.map(({ type }) => type)).toEqual([
      "PodBegin",
      "AdBegin",
      "PodEnd",
    ]);
  });

  test("is of the pre-roll kind for live pre-rolls alone", () => {
    const live = { kind: "live", mediaSequence: 7, programDateTime: undefined } as const;
    const types = (more: Partial<BreakDecision>) => markersOf({ ...TWO, ...more }).flatMap((all) => all[0]?.type ?? []);
    const preRoll = ["PrerollPodBegin", "AdBegin", "PrerollPodEnd"];
    expect(types({ position: "pre", place: live })).toEqual(preRoll);
    expect(types({ position: "mid", place: live })).toEqual(["PodBegin", "AdBegin", "PodEnd"]);
    expect(types({ position: "pre" })).toEqual(["PodBegin", "AdBegin", "PodEnd"]);
  });

  test("a pod's begin tells how many ads and seconds there are, its end how long the last segment is", () => {
    const [first = [], , , , , last = []] = markersOf(TWO, [4, 4, 1.96]);
    const [begin, ad] = first;
    expect(begin).toMatchObject({ duration: 20, count: 2, breakDuration: 20, offset: undefined });
    expect(ad).toMatchObject({ duration: 10, count: undefined, breakDuration: undefined, offset: undefined });
    expect(last).toMatchObject([{ duration: 0, offset: 1.96, count: undefined, breakDuration: undefined }]);
    expect(last[0]?.data).toBe(begin?.data);
  });

  test("ids are unique in the playlist", () => {
    const ids = [...markersOf(TWO), ...markersOf({ ...TWO, breakId: "mid-2" })].flatMap((all) =>
      all.map(({ id }) => id),
    );
    expect(ids).toHaveLength(8);
    expect(new Set(ids).size).toBe(8);
  });

  test("carries the events of the pod as VMAP, those of the ad as VAST", () => {
    const [first = [], , , second = []] = markersOf(TWO);
    const read = (marker: Marker | undefined) =>
      readXml(marker?.data ?? "", parseXml).children.flatMap((fragment) => fragment.children);
    const [vmap] = read(first[0]);
    expect(vmap && parseVmap(vmap).breaks).toMatchObject([
      {
        breakId: "mid-1",
        breakStart: ["https://t.example/break/breakStart"],
        breakEnd: ["https://t.example/break/breakEnd"],
        errors: ["https://t.example/break/error"],
      },
    ]);
    expect(read(second[0]).map((vast) => parseVast(vast).ads)).toMatchObject([
      [{ kind: "inline", ad: { id: "two", sequence: 2, impressions: ["https://t.example/two/impression"] } }],
      [{ kind: "wrapper", ad: { id: "w" } }],
    ]);
  });

  test("the same lines at every refresh, made once as long as they are remembered", () => {
    const markers = createMarkerTags();
    const [place] = segmentPlaces(TWO);
    if (!place) throw new Error("expected a place");
    const lines = markers.open("s", TWO)(place);
    expect(markers.open("s", structuredClone(TWO))({ ...place })).toBe(lines);
    const forgetful = createMarkerTags({ maxCharacters: 600 });
    expect(forgetful.open("s", TWO)(place)).toEqual(lines);
    expect(forgetful.open("s", TWO)(place)).not.toBe(forgetful.open("s", TWO)(place));
  });

  test("sessions do not share them, since their beacons differ", () => {
    const markers = createMarkerTags();
    const [place] = segmentPlaces(TWO);
    const mine = decidedBreak([decidedAd("one", { title: "mine" })], { trackers: [] });
    if (!place) throw new Error("expected a place");
    expect(markers.open("a", TWO)(place)).not.toEqual(markers.open("b", mine)(place));
  });

  test("in a VOD playlist, stands before the segment that it is about, and nowhere in the content", () => {
    const { text } = stitchVod(contentText(), MAIN, [timedPod(TWO)], { decorate: decoratorOf(TWO) });
    const shape = text
      .split("\n")
      .flatMap((line) => parseMarker(line)?.type ?? /^(?!#).*\/(.+\.ts)$/.exec(line)?.[1] ?? []);
    expect(shape.join(" ")).toBe(
      "0.ts 1.ts PodBegin AdBegin one-0.ts one-1.ts one-2.ts AdBegin two-0.ts two-1.ts PodEnd two-2.ts 2.ts 3.ts",
    );
  });

  test("in a live playlist, stays with its segment from one refresh to the next", () => {
    const decision = { ...TWO, place: { kind: "live", mediaSequence: 2, programDateTime: undefined } } as const;
    const pod = { breakId: decision.breakId, ads: timedPod(decision).ads };
    const window = (first: number): string => {
      const lines = Array.from({ length: 8 }, (_, index) => {
        const number = first + index;
        return `${number === 2 ? "#EXT-X-CUE-OUT:DURATION=20,ID=mid-1\n" : ""}#EXTINF:4,\n${number}.ts`;
      });
      return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:${first}\n${lines.join("\n")}\n`;
    };
    const decisions = new Map([["mid-1", { kind: "pod", pod, availDuration: 20 } as const]]);
    const place = { ...MAIN, url: new URL("https://content.example/live.m3u8") };
    const one = stitchLive(window(0), place, emptyTimeline(), decisions, { decorate: decoratorOf(decision) });
    const next = stitchLive(window(1), place, one.timeline, decisions, { decorate: decoratorOf(decision) });
    const marked = (text: string) => /(?:#EXT-X-MARKER.*\n)+(?:#EXTINF.*\n)(.*)/.exec(text)?.[0];
    expect(one.text.match(/#EXT-X-MARKER/g)).toHaveLength(4);
    expect(marked(next.text)).toBe(marked(one.text));
  });
});

test("mode simple writes nothing into playlists", () => {
  const parts = { sessionId: "s", decisions: new Map([[TWO.breakId, TWO]]), links: createSegmentLinks(SIGNER) };
  expect(createDecorator({ ...parts, mode: "simple", markers: createMarkerTags() })).toBeUndefined();
});
