/**
 * Tracking requests: each at most once per (session, break, position in the pod, ad, event, occurrence), macros filled, http(s) only.
 *
 * What was sent is remembered for as long as its break is known, and beyond that for the last breaks of a long session.
 *
 * @see VAST 4.3 §3.14 (tracking), §2.3.6 (errors), §6 (macros)
 */
import type { Ad, Creative, MacroOverrides, MacroValues, SkipReason } from "@interlude/core";
import { BREAK_POSITION, type MacroFiller } from "../ads/macro-values.ts";
import type { BeaconEvent, BreakPosition, Emit } from "../events.ts";
import type { ReadyAd } from "../insertion.ts";

/** What a beacon is about; `contentTime` in seconds. */
export interface BeaconSubject {
  readonly breakId: string;
  readonly position: BreakPosition | undefined;
  readonly adId: string | undefined;
  readonly ad: Ad | undefined;
  readonly creative: Creative | undefined;
  readonly index: number | undefined;
  /** Where errors are told: see SkippedAd. Absent: the index. */
  readonly place?: string | undefined;
  readonly adCount: number | undefined;
  readonly mediaUrl: string | undefined;
  /** By what it was saved at its first encounter; absent: it was none. */
  readonly encounter?: ReadyAd["encounter"];
  /** Undefined: not known. */
  readonly contentTime: number | undefined;
}

/** `time`: seconds into the ad; `macros`: what only this beacon has. */
export interface BeaconMoment {
  readonly time: number;
  readonly macros?: MacroValues;
}

export interface BeaconSender {
  /**
   * What happens by playing: once. [INTERLUDE_ENCOUNTER] is the ad's, empty where it has none.
   *
   * @param occurrence tells the URLs of one event apart
   */
  readonly send: (subject: BeaconSubject, event: string, url: string, time: number, occurrence: number) => void;
  /** What the viewer does: each time, to all of its URLs. */
  readonly sendAction: (subject: BeaconSubject, event: string, urls: readonly string[], moment: BeaconMoment) => void;
  /**
   * The URLs that want to know why an ad was not shown; undefined is no error, so that nothing is sent.
   *
   * @param reason for [INTERLUDE_REASON], which stays as it is where no reason is given
   */
  readonly sendErrors: (
    subject: BeaconSubject,
    urls: readonly string[],
    vastError: number | undefined,
    reason?: SkipReason,
  ) => void;
  /** VMAP's breakStart and breakEnd. */
  readonly sendBreak: (subject: BeaconSubject, event: "breakStart" | "breakEnd", urls: readonly string[]) => void;
  /** The ad was watched to its end. */
  readonly finish: (subject: BeaconSubject) => void;
  readonly isFinished: (subject: BeaconSubject) => boolean;
  /** The address with its macros filled, for whoever opens it; undefined where it is no http(s) address. */
  readonly expand: (subject: BeaconSubject, template: string, moment: BeaconMoment) => URL | undefined;
  /** Beacons that wait for the viewer's consent wait no longer, and no further one is sent. */
  readonly end: () => void;
}

export interface BeaconDeps {
  readonly filler: Pick<MacroFiller, "fill" | "fillNow">;
  readonly sendBeacon: (url: string) => void;
  readonly emit: Emit;
  /** Ids of the breaks that may still be played, again or for the first time. */
  readonly knownBreaks: () => ReadonlySet<string>;
}

/** Breaks that are remembered although nobody knows them any more. */
const MAX_BREAKS = 200;

export function createBeaconSender(deps: BeaconDeps): BeaconSender {
  const { filler } = deps;
  const memory = createMemory(deps.knownBreaks);
  const queue = createQueue();
  let isOver = false;

  const request = (subject: BeaconSubject, event: string, url: string, time: number | undefined): void => {
    if (!isWeb(url)) return;
    deps.sendBeacon(url);
    const { breakId, adId, index, contentTime } = subject;
    const beacon: BeaconEvent = { event, url, breakId, adId, index, time, contentTime };
    deps.emit("beacon", beacon);
  };
  const fire = (subject: BeaconSubject, event: string, template: string, { time, macros, own }: Moment): void => {
    // what is given up because everything ends is nobody's fault
    if (isOver) return;
    const values = { ...describe(subject), ...(time === undefined ? {} : { ADPLAYHEAD: time }), ...macros };
    const filled = filler.fill(template, values, own);
    const send = (url: string): void => request(subject, event, url, time);
    if (typeof filled === "string") send(filled);
    else queue.add(filled, () => filler.fillNow(template, values, own), send);
  };
  const fireOnce = (subject: BeaconSubject, event: string, template: string, name: string, moment: Moment): void => {
    const { breakId, index, adId } = subject;
    if (memory.add(breakId, JSON.stringify([index, adId, event, name]))) fire(subject, event, template, moment);
  };
  return {
    send: (subject, event, url, time, occurrence) =>
      fireOnce(subject, event, url, String(occurrence), {
        time,
        macros: {},
        own: { INTERLUDE_ENCOUNTER: subject.encounter ?? "" },
      }),
    sendAction: (subject, event, urls, { time, macros = {} }) => {
      for (const url of urls) fire(subject, event, url, { time, macros });
    },
    sendErrors: (subject, urls, vastError, reason) => {
      if (vastError === undefined) return;
      const { breakId, index, place = index === undefined ? "" : String(index) } = subject;
      const moment = { time: undefined, macros: { ERRORCODE: vastError }, own: { INTERLUDE_REASON: reason } };
      // an ad fails once
      for (const url of urls)
        if (memory.add(breakId, JSON.stringify([place, "error", url]))) fire(subject, "error", url, moment);
    },
    sendBreak: (subject, event, urls) => {
      for (const url of urls) fireOnce(subject, event, url, url, { time: undefined, macros: {} });
    },
    finish: (subject) => memory.add(subject.breakId, nameEnd(subject)),
    isFinished: (subject) => memory.has(subject.breakId, nameEnd(subject)),
    expand: (subject, template, { time, macros }) => {
      const url = filler.fillNow(template, { ...describe(subject), ADPLAYHEAD: time, ...macros });
      return isWeb(url) && URL.canParse(url) ? new URL(url) : undefined;
    },
    end: () => {
      queue.flush();
      isOver = true;
    },
  };
}

interface Queue {
  /** Waits for an address, but no longer than the page lives: then it is made `now`. */
  readonly add: (address: Promise<string>, now: () => string, send: (url: string) => void) => void;
  readonly flush: () => void;
}

function createQueue(): Queue {
  const waiting = new Set<() => void>();
  let unwatch = (): void => undefined;
  const flush = (): void => {
    for (const sendNow of waiting) sendNow();
  };
  return {
    flush,
    add: (address, now, send) => {
      const sendOnce = (url: string): void => {
        if (!waiting.delete(sendNow)) return;
        if (waiting.size === 0) unwatch();
        send(url);
      };
      const sendNow = (): void => sendOnce(now());
      if (waiting.size === 0) unwatch = watchLeaving(flush);
      waiting.add(sendNow);
      void address.then(sendOnce);
    },
  };
}

/** On a phone a page that is out of sight may end without another word. */
function watchLeaving(onLeaving: () => void): () => void {
  const { document } = globalThis;
  const onChange = (): void => {
    if (document.hidden) onLeaving();
  };
  globalThis.addEventListener?.("pagehide", onLeaving);
  document?.addEventListener("visibilitychange", onChange);
  return () => {
    globalThis.removeEventListener?.("pagehide", onLeaving);
    document?.removeEventListener("visibilitychange", onChange);
  };
}

interface Moment {
  readonly time: number | undefined;
  readonly macros: MacroValues | undefined;
  readonly own?: MacroOverrides;
}

function nameEnd({ index, adId }: BeaconSubject): string {
  return JSON.stringify([index, adId]);
}

interface Memory {
  readonly has: (breakId: string, name: string) => boolean;
  /** False where it was there. */
  readonly add: (breakId: string, name: string) => boolean;
}

/** What has been sent, by break. */
function createMemory(knownBreaks: BeaconDeps["knownBreaks"]): Memory {
  const breaks = new Map<string, Set<string>>();
  const makeRoom = (): void => {
    if (breaks.size < MAX_BREAKS) return;
    const known = knownBreaks();
    for (const breakId of breaks.keys()) {
      if (breaks.size < MAX_BREAKS) return;
      if (!known.has(breakId)) breaks.delete(breakId);
    }
  };
  return {
    has: (breakId, name) => breaks.get(breakId)?.has(name) ?? false,
    add: (breakId, name) => {
      const sent = breaks.get(breakId) ?? new Set();
      if (sent.has(name)) return false;
      if (sent.size === 0) makeRoom();
      sent.add(name);
      // the break that was used last goes last
      breaks.delete(breakId);
      breaks.set(breakId, sent);
      return true;
    },
  };
}

function isWeb(url: string): boolean {
  return /^https?:\/\//i.test(url);
}

function describe({ ad, creative, contentTime, index, adCount, position, mediaUrl }: BeaconSubject): MacroValues {
  const isAudio = creative !== undefined && creative.mediaFiles.length > 0 && creative.mediaFiles.every(isSound);
  const place = index === undefined ? undefined : index + 1;
  return {
    CONTENTPLAYHEAD: contentTime,
    MEDIAPLAYHEAD: contentTime,
    BREAKPOSITION: position && BREAK_POSITION[position],
    ADCOUNT: place,
    PODSEQUENCE: ad?.sequence ?? (adCount !== undefined && adCount > 1 ? place : undefined),
    ADSERVINGID: ad?.adServingId,
    ASSETURI: mediaUrl,
    UNIVERSALADID: creative?.universalAdIds.map(({ registry, value }) => `${registry} ${value}`),
    ...(isAudio ? { ADTYPE: "audio" } : {}),
  };
}

function isSound({ type }: Creative["mediaFiles"][number]): boolean {
  return type.startsWith("audio/") && !type.includes("mpegurl");
}
