/**
 * Which of the sidecar's URLs are due, each once: what was played without a jump decides.
 *
 * @see docs/tracking.md; Overview of Manifest Server interactions, step 9
 */
import { expandMacros } from "@interlude/core";
import type { BeaconEvent } from "@interlude/plugin/hls";
import type { SidecarPod, SidecarUrl } from "./sidecar.ts";

/** Seconds of the timeline, played from the first to the second. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Seconds: players step over holes in the media by seeking so far, and go on. */
const STEP = 1.5;
const EARLY = 0.1;

/** The span after one more look. However long nobody looked: without a seek all of it was played. */
export function extendSpan(span: Span, now: number): Span {
  return now >= span.to - EARLY ? { from: span.from, to: Math.max(span.to, now) } : { from: now, to: now };
}

/** The span after a seek: a new one, unless it was but a step forward. */
export function seekSpan(span: Span, now: number): Span {
  return now - span.to < STEP ? extendSpan(span, now) : { from: now, to: now };
}

/** One URL with whom it is for. */
interface Owed {
  readonly name: string;
  readonly pod: SidecarPod;
  readonly entry: SidecarUrl;
  /** In its pod; undefined: the pod's own. */
  readonly index: number | undefined;
}

/** All that the pods owe, each with a name that stays the same from one sidecar to the next. */
function listOwed(pods: readonly SidecarPod[]): readonly Owed[] {
  const seen = new Map<string, number>();
  const nameOf = (...parts: readonly (string | number)[]): string => {
    const name = JSON.stringify(parts);
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    return `${name} ${count}`;
  };
  return pods.flatMap((pod) => [
    ...pod.urls.map((entry) => ({ name: nameOf(pod.id, "", entry.event, entry.url), pod, entry, index: undefined })),
    ...pod.ads.flatMap((ad, index) =>
      ad.urls.map((entry) => ({ name: nameOf(pod.id, index, entry.event, entry.url), pod, entry, index })),
    ),
  ]);
}

const RANK: Readonly<Record<string, number>> = { breakStart: -1, breakEnd: 1 };

/** Of one moment: pod by pod, its ends around its ads. */
function compare(a: Owed, b: Owed, pods: readonly SidecarPod[]): number {
  const rank = ({ entry }: Owed): number => RANK[entry.event] ?? 0;
  return a.entry.time - b.entry.time || pods.indexOf(a.pod) - pods.indexOf(b.pod) || rank(a) - rank(b);
}

export interface Tracker {
  /** The beacons that have fallen due, in order; each comes once, whatever is played again. */
  readonly collect: (pods: readonly SidecarPod[], span: Span) => readonly BeaconEvent[];
}

/** One viewing's. @param session of the manifest server, for macros */
export function createTracker(session: string): Tracker {
  const sent = new Set<string>();
  return {
    collect: (pods, { from, to }) => {
      const due = listOwed(pods).filter(
        ({ name, entry }) => !sent.has(name) && entry.time >= from - EARLY && entry.time <= to,
      );
      for (const { name } of due) sent.add(name);
      return due
        .toSorted((a, b) => compare(a, b, pods))
        .map((owed) => formatBeacon(owed, pods, session))
        .filter(({ url }) => /^https?:\/\//i.test(url));
    },
  };
}

function formatBeacon({ pod, entry, index }: Owed, pods: readonly SidecarPod[], session: string): BeaconEvent {
  const ad = index === undefined ? undefined : pod.ads[index];
  const time = ad && Math.max(0, entry.time - ad.startTime);
  const before = pods.filter(({ startTime }) => startTime < pod.startTime);
  const contentTime = pod.startTime - before.reduce((total, { duration }) => total + duration, 0);
  const url = expandMacros(entry.url, {
    TIMESTAMP: new Date(),
    CACHEBUSTING: Math.floor(Math.random() * 1e8),
    ADPLAYHEAD: time,
    CONTENTPLAYHEAD: contentTime,
    MEDIAPLAYHEAD: contentTime,
    TRANSACTIONID: session,
    PODSEQUENCE: index === undefined ? undefined : index + 1,
    ADCOUNT: pod.ads.length,
  });
  return { event: entry.event, url, breakId: pod.id, adId: ad?.id, index, time, contentTime };
}

/** Sends one GET whose answer nobody reads. */
export function sendBeacon(url: string): void {
  fetch(url, { mode: "no-cors", keepalive: true, cache: "no-store" }).catch(() => undefined);
}
