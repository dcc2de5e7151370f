import type { PictureLead } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { createEdgeAligner } from "../../src/hosts/hls-edges.ts";
import type { EngineDetails, EngineFragment, EngineStreamTimes } from "../../src/hosts/hls-engine.ts";
import { createFragment } from "../fake-engine.ts";

/** Pictures shown `composition` seconds after they are decoded. */
function times(start: number, end: number, composition: number): EngineStreamTimes {
  return { startPTS: start + composition, endPTS: end + composition, startDTS: start, endDTS: end };
}

function parsed(
  sn: number,
  cc: number,
  video: EngineStreamTimes,
  audio: EngineStreamTimes | null = null,
): EngineFragment {
  const start = Math.min(video.startPTS, audio?.startPTS ?? video.startPTS);
  const fragment = createFragment(sn, start, Math.max(video.endPTS, audio?.endPTS ?? 0) - start);
  return Object.assign(fragment, { cc, elementaryStreams: { video, audio } });
}

/** Content, one ad of 8 s, content again: where hls.js is made to start the content after the ad. */
function resumeAt(
  content: EngineStreamTimes,
  ad: EngineStreamTimes,
  { sound = null, isFragmented = false }: { sound?: EngineStreamTimes | null; isFragmented?: boolean } = {},
): number {
  const before = Object.assign(parsed(0, 0, content, sound), { initSegment: isFragmented ? {} : null });
  const inserted = parsed(1, 1, ad);
  const after = Object.assign(createFragment(2, inserted.end, 4), { cc: 2 });
  const details: EngineDetails = {
    url: "https://site.example/",
    live: false,
    startSN: 0,
    fragments: [before, inserted, after],
  };
  const edges = createEdgeAligner();
  edges.add(before, details, false);
  edges.add(inserted, details, true);
  return after.start;
}

const PLACE = {
  breakId: "mid",
  adId: "a",
  index: 0,
  startTime: 4,
  duration: 8,
  firstMediaSequence: 1,
  segmentCount: 2,
};
const ELASTIC: PictureLead = { seconds: 0.045, isElastic: true };
const REMUX: PictureLead = { seconds: 0.08, isElastic: false };

interface Entry {
  readonly pictureLead?: PictureLead | undefined;
  readonly sn?: number;
  /** Of the content, from decoding to presentation. */
  readonly composition?: number;
  /** Whether the playlist was loaded anew since the content was parsed. */
  readonly isAnew?: boolean;
}

/** Where hls.js is made to start an ad, which it listed at `listed`, behind content whose pictures end at `end`. */
function enterAt(end: number, listed: number, entry: Entry): number {
  const { pictureLead, sn = 1, composition = 0, isAnew = true } = entry;
  const edges = createEdgeAligner();
  const details: EngineDetails = { url: "https://site.example/", live: false, startSN: 0, fragments: [] };
  const content = parsed(0, 0, times(0, end - composition, composition));
  const now = isAnew ? { ...details } : details;
  edges.enter(content, details, undefined);
  edges.add(content, now, false);
  const first = createFragment(sn, listed, 4);
  edges.enter(first, now, pictureLead === undefined ? PLACE : { ...PLACE, pictureLead });
  return first.start;
}

describe("createEdgeAligner", () => {
  test("an ad that says how early its first picture is decoded starts so much before the content's pictures end", () => {
    expect(enterAt(4.061, 4.075, { pictureLead: ELASTIC })).toBeCloseTo(4.016);
  });

  test("an ad that follows without a break starts where the pictures end, not the sound", () => {
    expect(enterAt(4.061, 4.075, { pictureLead: ELASTIC, isAnew: false })).toBeCloseTo(4.061);
  });

  test("a remux is decoded no earlier than the content before it has been", () => {
    expect(enterAt(4.08, 4.08, { pictureLead: REMUX, composition: 0.08 })).toBeCloseTo(4);
    expect(enterAt(4.061, 4.075, { pictureLead: REMUX })).toBeCloseTo(4.061);
  });

  test("an ad that says nothing of it, its later segments, and one behind what is not loaded stay where they are", () => {
    expect(enterAt(4.061, 4.075, {})).toBe(4.075);
    expect(enterAt(4.061, 4.075, { pictureLead: ELASTIC, sn: 2 })).toBe(4.075);
    expect(enterAt(4.061, 9, { pictureLead: ELASTIC })).toBe(9);
  });

  test("content with B-frames is decoded on where the decoding of an ad with B-frames ended", () => {
    expect(resumeAt(times(0, 4, 0.08), times(4, 12, 0.08))).toBeCloseTo(12);
  });

  test("nothing is decoded before the ad without B-frames has ended", () => {
    expect(resumeAt(times(0, 4, 0.08), times(4, 12, 0))).toBeCloseTo(12);
  });

  test("sound that starts before the first picture keeps its distance", () => {
    expect(resumeAt(times(0.02, 4, 0.08), times(4, 12, 0.08), { sound: times(0, 4, 0) })).toBeCloseTo(11.98);
  });

  test("content without B-frames is left to hls.js", () => {
    expect(resumeAt(times(0, 4, 0), times(4, 12, 0.08))).toBeCloseTo(12.08);
  });

  test("fragmented content with B-frames is shown where the ad ended, however the ad was decoded", () => {
    expect(resumeAt(times(0, 4, 0.08), times(4, 12, 0), { isFragmented: true })).toBeCloseTo(11.92);
  });
});
