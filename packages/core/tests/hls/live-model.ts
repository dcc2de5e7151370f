/**
 * A live origin that slides its window over a list of segments, and the infinite stitched list that a viewer should see of it,
 * written down with the whole future known.
 */
import {
  type AvailDecision,
  type ContentPlaylist,
  emptyTimeline,
  type LiveStitched,
  type LiveTimeline,
  type Pod,
  stitchLive,
} from "@interlude/core";
import {
  adRendition,
  CONTENT,
  type PlainSegment,
  type ReadSegment,
  readByHlsParser,
  writePlaylist,
} from "./playlists.ts";

/** A break of the origin: its cue stands on segment `segment`, its ads last `ads` seconds, segment by segment. */
export interface OriginBreak {
  readonly segment: number;
  readonly duration: number;
  readonly ads: readonly (readonly number[])[];
}

export interface Origin {
  readonly durations: readonly number[];
  readonly targetDuration: number;
  readonly discontinuities: ReadonlySet<number>;
  readonly breaks: readonly OriginBreak[];
  readonly isEncrypted?: boolean;
  readonly firstMediaSequence?: number;
  readonly firstDiscontinuitySequence?: number;
}

const FIRST = 1000;

export const availId = (entry: OriginBreak): string => `a${entry.segment}`;

export function podOf(entry: OriginBreak): Pod {
  const ads = entry.ads.map((durations, index) => {
    const name = `${availId(entry)}-${index}`;
    return { adId: name, renditions: [5e5, 1e6, 4e6].map((bandwidth) => adRendition(name, durations, bandwidth)) };
  });
  return { breakId: availId(entry), ads };
}

export function decidePods(origin: Origin): ReadonlyMap<string, AvailDecision> {
  return new Map(
    origin.breaks.map((entry) => [availId(entry), { kind: "pod", pod: podOf(entry), availDuration: entry.duration }]),
  );
}

/** The origin's playlist when it lists segments `from` up to `to`, which is not included. */
export function writeWindow(origin: Origin, from: number, to: number, extra: readonly string[] = []): string {
  const { durations, discontinuities, breaks, isEncrypted } = origin;
  let sequence = origin.firstDiscontinuitySequence ?? 0;
  for (let index = 0; index < from; index++) if (discontinuities.has(index)) sequence++;
  const segments: PlainSegment[] = [];
  for (let index = from; index < to; index++) {
    const cue = breaks.find((entry) => entry.segment === index);
    const tags = [
      ...(discontinuities.has(index) ? ["#EXT-X-DISCONTINUITY"] : []),
      ...(isEncrypted && (index === from || index % 4 === 0)
        ? [`#EXT-X-KEY:METHOD=AES-128,URI="k${Math.floor(index / 4)}"`]
        : []),
      ...(cue ? [`#EXT-X-CUE-OUT:ID=${availId(cue)},DURATION=${cue.duration}`] : []),
    ];
    segments.push({ uri: `c${index}.ts`, duration: durations[index] ?? 0, tags });
  }
  const header = [
    "#EXT-X-VERSION:3",
    `#EXT-X-MEDIA-SEQUENCE:${(origin.firstMediaSequence ?? FIRST) + from}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${sequence}`,
    ...extra,
  ];
  return writePlaylist({ targetDuration: origin.targetDuration, header, segments });
}

/** A segment of the infinite stitched list. */
export interface ListedSegment {
  readonly uri: string;
  readonly duration: number;
  readonly discontinuitySequence: number;
}

/**
 * The infinite stitched list, from the origin's first segment on: breaks in order, each resuming at the boundary nearest to the
 * pod's end plus what the breaks before have left over; one that a pod has run into begins where that pod ends. An open break at the end of the origin is not resumed.
 */
export function listAll(origin: Origin): readonly ListedSegment[] {
  const boundaries = [0];
  for (const duration of origin.durations) boundaries.push((boundaries.at(-1) ?? 0) + duration);
  const start = (index: number): number => boundaries[index] ?? Number.POSITIVE_INFINITY;
  const list: ListedSegment[] = [];
  let sequence = origin.firstDiscontinuitySequence ?? 0;
  let carry = 0;
  let index = 0;
  let isAfterAd = false;
  const ahead = new Set(origin.breaks);
  while (index < origin.durations.length) {
    const entry = [...ahead].find(({ segment }) => segment <= index);
    if (!entry) {
      if (isAfterAd || origin.discontinuities.has(index)) sequence++;
      list.push({ uri: `c${index}.ts`, duration: origin.durations[index] ?? 0, discontinuitySequence: sequence });
      isAfterAd = false;
      index++;
      continue;
    }
    ahead.delete(entry);
    for (const [ad, durations] of entry.ads.entries()) {
      sequence++;
      for (const [part, duration] of durations.entries()) {
        const uri = `https://ads.example/${availId(entry)}-${ad}/${availId(entry)}-${ad}-${part}.ts`;
        list.push({ uri, duration, discontinuitySequence: sequence });
      }
    }
    const end = start(index) + carry + entry.ads.flat().reduce((total, duration) => total + duration, 0);
    while (Math.abs(start(index) - end) > Math.abs(start(index + 1) - end) + 1e-6) index++;
    carry = end - start(index);
    isAfterAd = true;
  }
  return list;
}

/** One refresh as the viewer gets it. */
export interface Refresh {
  readonly stitched: LiveStitched;
  readonly segments: readonly ReadSegment[];
  /** Segments of the origin listed so far. */
  readonly edge: number;
  readonly targetDuration: string;
}

export interface Viewing {
  readonly window: number;
  /** Origin segments that appear before each refresh. */
  readonly steps: readonly number[];
  readonly decide?: (refresh: number) => ReadonlyMap<string, AvailDecision>;
  readonly content?: ContentPlaylist;
  readonly timeline?: LiveTimeline;
}

/** Refreshes until the origin has no more segments, the memory going through JSON each time. */
export function watch(origin: Origin, viewing: Viewing): readonly Refresh[] {
  const { window, steps, decide = () => decidePods(origin), content = CONTENT } = viewing;
  const refreshes: Refresh[] = [];
  let timeline = viewing.timeline ?? emptyTimeline();
  let edge = window;
  while (edge <= origin.durations.length) {
    const text = writeWindow(origin, edge - window, edge);
    const stitched = stitchLive(text, content, timeline, decide(refreshes.length));
    timeline = JSON.parse(JSON.stringify(stitched.timeline));
    const targetDuration = /TARGETDURATION:.*/.exec(stitched.text)?.[0] ?? "";
    refreshes.push({ stitched, segments: readByHlsParser(stitched.text), edge, targetDuration });
    // A viewer that refreshes in time sees every segment listed once.
    edge += Math.min(window, steps[refreshes.length % steps.length] ?? 1);
  }
  return refreshes;
}
