/**
 * Tracking requests: each at most once per (break, position in the pod, event, occurrence) of a session, macros expanded, http(s) only.
 *
 * @see VAST 4.3 §3.14 (tracking), §2.3.6 (errors), §6 (macros)
 */
import { type Ad, type Creative, expandMacros, type MacroValues } from "@interlude/core";
import type { BeaconEvent, Emit } from "../events.ts";

/** What a beacon is about; `contentTime` in seconds. */
export interface BeaconSubject {
  readonly breakId: string;
  readonly adId: string | undefined;
  readonly ad: Ad | undefined;
  readonly creative: Creative | undefined;
  readonly index: number | undefined;
  readonly adCount: number | undefined;
  readonly mediaUrl: string | undefined;
  readonly contentTime: number;
}

export interface BeaconSender {
  /** @param time seconds into the ad */
  readonly send: (subject: BeaconSubject, event: string, url: string, time: number, occurrence: number) => void;
  /** The URLs that want to know why an ad was not shown; undefined is no error, so that nothing is sent. */
  readonly sendErrors: (subject: BeaconSubject, urls: readonly string[], vastError: number | undefined) => void;
  /** VMAP's breakStart and breakEnd. */
  readonly sendBreak: (subject: BeaconSubject, event: "breakStart" | "breakEnd", urls: readonly string[]) => void;
}

export function createBeaconSender(session: string, sendBeacon: (url: string) => void, emit: Emit): BeaconSender {
  const sent = new Set<string>();
  const sendOnce = (subject: BeaconSubject, event: string, template: string, more: Extra): void => {
    const { breakId, index, adId } = subject;
    const name = JSON.stringify([breakId, index, adId, event, more.occurrence, more.occurrence < 0 ? template : ""]);
    if (sent.has(name)) return;
    sent.add(name);
    const url = expandMacros(template, { ...describe(subject, session), ...more.macros });
    if (!/^https?:\/\//i.test(url)) return;
    sendBeacon(url);
    const { contentTime } = subject;
    const beacon: BeaconEvent = { event, url, breakId, adId, index, time: more.time, contentTime };
    emit("beacon", beacon);
  };
  return {
    send: (subject, event, url, time, occurrence) =>
      sendOnce(subject, event, url, { occurrence, time, macros: { ADPLAYHEAD: time } }),
    sendErrors: (subject, urls, vastError) => {
      if (vastError === undefined) return;
      for (const url of urls)
        sendOnce(subject, "error", url, { occurrence: -1, time: undefined, macros: { ERRORCODE: vastError } });
    },
    sendBreak: (subject, event, urls) => {
      for (const url of urls) sendOnce(subject, event, url, { occurrence: -1, time: undefined, macros: {} });
    },
  };
}

/** `occurrence` below 0: the URL itself tells repetitions apart. */
interface Extra {
  readonly occurrence: number;
  readonly time: number | undefined;
  readonly macros: MacroValues;
}

function describe(subject: BeaconSubject, session: string): MacroValues {
  const { ad, creative, contentTime, index } = subject;
  return {
    TIMESTAMP: new Date(),
    CACHEBUSTING: Math.floor(Math.random() * 1e8),
    CONTENTPLAYHEAD: contentTime,
    MEDIAPLAYHEAD: contentTime,
    TRANSACTIONID: session,
    PODSEQUENCE: index === undefined ? undefined : index + 1,
    ADCOUNT: subject.adCount,
    ADSERVINGID: ad?.adServingId,
    ASSETURI: subject.mediaUrl,
    UNIVERSALADID: creative?.universalAdIds.map(({ registry, value }) => `${registry} ${value}`).join(","),
    ADTYPE: "video",
  };
}
