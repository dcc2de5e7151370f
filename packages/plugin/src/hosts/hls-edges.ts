/**
 * Both edges of an ad, where pictures are decoded before they are shown.
 *
 * hls.js puts a new discontinuity where the last one ends, its sound or its pictures, whichever is later: its first picture where it
 * has parsed all before without a break, else its first decode time, which shows the frame before it for too long.
 *
 * Into the ad: 45 ms at 25 frames per second, for a repackaged ad. Its playlist says how early its first picture is decoded, and it has
 * the room to be started so much earlier.
 *
 * Back to content with B-frames: 80 ms with two of them at 25 frames per second. In TS the decode time belongs where the decoding ended;
 * in fragmented MP4 nothing else moves, so that the first frame can be shown where the last one ended.
 *
 * @see hls.js 1.7 mp4-remuxer.ts, `generateIS`: "Bind initPTS to the lowest DTS across tracks"; passthrough-remuxer.ts, `remux`;
 * docs/decisions/0010-times-of-a-spliced-ad.md
 */
import type { PlacedAd } from "@interlude/core";
import type { EngineDetails, EngineFragment, EngineStreamTimes } from "./hls-engine.ts";

export interface EdgeAligner {
  /**
   * A fragment of the main playlist is about to be loaded.
   *
   * @param details of VOD; undefined: nothing is moved
   * @param ad which it belongs to
   */
  readonly enter: (fragment: EngineFragment, details: EngineDetails | undefined, ad: PlacedAd | undefined) => void;
  /**
   * A fragment of the main playlist is in the buffer; what follows it has not been parsed yet.
   *
   * @param details what may be moved; undefined: nothing
   */
  readonly add: (fragment: EngineFragment, details: EngineDetails | undefined, isAd: boolean) => void;
}

/** How the content is timed, seconds: from decoding to presentation, and from its lowest time to its first picture's. */
interface Shape {
  readonly composition: number;
  readonly lead: number;
  readonly isFragmented: boolean;
}

/** What was parsed last. */
interface Parsed {
  readonly video: EngineStreamTimes;
  readonly level: number;
  readonly sn: number;
  /** A playlist that is loaded anew lists fragments without their times, and hls.js begins with the next one as with the first. */
  readonly details: EngineDetails | undefined;
}

/** Seconds: below it there are no B-frames to speak of, above it something else is wrong. */
const LEAST_COMPOSITION = 0.02;
const MOST_SHIFT = 0.25;

export function createEdgeAligner(): EdgeAligner {
  let content: Shape | undefined;
  let last: Parsed | undefined;
  let begun: { readonly fragment: EngineFragment; readonly details: EngineDetails | undefined } | undefined;
  return {
    enter: (fragment, details, ad) => {
      begun = { fragment, details };
      if (!details || ad?.pictureLead === undefined || fragment.sn !== ad.firstMediaSequence || !last) return;
      const { seconds, isElastic } = ad.pictureLead;
      const { endPTS, endDTS } = last.video;
      // where more was parsed and thrown away, the browser begins anew at the decode time, and drops pictures shown after it
      if (Math.abs(endPTS - fragment.start) >= MOST_SHIFT) return;
      const isNext = last.details === details && last.level === fragment.level && last.sn === fragment.sn - 1;
      fragment.setStart(isNext ? endPTS : Math.max(endPTS - seconds, isElastic ? 0 : endDTS));
    },
    add: (fragment, details, isAd) => {
      const video = readTimes(fragment, "video");
      if (!video || typeof fragment.sn !== "number") return;
      // by the time that it is in the buffer, its playlist may have been loaded anew
      const listed = begun?.fragment === fragment ? begun.details : details;
      last = { video, details: listed, level: fragment.level, sn: fragment.sn };
      if (!details) return;
      const index = fragment.sn - details.startSN;
      if (!isAd) {
        const before = details.fragments[index - 1];
        // hls.js may have moved the first picture after a discontinuity
        if (!before || before.cc === fragment.cc) content = readShape(video, fragment);
        return;
      }
      const next = details.fragments[index + 1];
      if (!next || next.cc === fragment.cc || !content || content.composition < LEAST_COMPOSITION) return;
      const decoded = video.endPTS - content.composition;
      const start = (content.isFragmented ? decoded : Math.max(video.endDTS, decoded)) - content.lead;
      if (Math.abs(start - next.start) < MOST_SHIFT) next.setStart(start);
    },
  };
}

function readTimes(fragment: EngineFragment, stream: "audio" | "video"): EngineStreamTimes | undefined {
  return fragment.elementaryStreams?.[stream] ?? undefined;
}

function readShape(video: EngineStreamTimes, fragment: EngineFragment): Shape {
  const composition = video.startPTS - video.startDTS;
  const lowest = Math.min(video.startDTS, readTimes(fragment, "audio")?.startPTS ?? video.startDTS);
  return { composition, lead: video.startDTS - lowest, isFragmented: Boolean(fragment.initSegment) };
}
