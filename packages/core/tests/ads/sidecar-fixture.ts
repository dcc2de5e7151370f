import type { SidecarAd, SidecarBreak, SidecarInput } from "@interlude/core";

/** Every character that could end a text or an attribute early, one that XML cannot carry, half a surrogate pair. */
export const NASTY = "'\"&<]]>\u0000\u001b\uD800é";
export const NASTY_IN_XML = "'\"&<]]>é";

export function sidecarAd(id: string, startTime: number, more: Partial<SidecarAd> = {}): SidecarAd {
  const url = (event: string): string => `https://t.example/${id}?e=${event}&t=[TIMESTAMP]`;
  return {
    adId: id,
    adSystem: "Auditude",
    title: `Title of ${id}`,
    creativeId: `creative-${id}`,
    sequence: 1,
    startTime,
    duration: 15,
    playlistUrl: `https://cdn.example/${id}.m3u8?a=1&b=2`,
    trackers: [
      { event: "complete", url: url("complete"), time: 15 },
      { event: "impression", url: url("impression"), time: 0 },
      { event: "start", url: url("start"), time: 0 },
      { event: "firstQuartile", url: url("firstQuartile"), time: 3.75 },
      { event: "midpoint", url: url("midpoint"), time: 7.5 },
      { event: "thirdQuartile", url: url("thirdQuartile"), time: 11.25 },
      { event: "mute", url: url("mute"), time: undefined },
    ],
    errors: [`https://t.example/${id}?e=error&code=[ERRORCODE]`],
    clickThrough: "https://shop.example/",
    clickTrackers: [url("click")],
    companions: [],
    wrapperAdIds: [],
    ...more,
  };
}

export function sidecarBreak(breakId: string, startTime: number, ads: readonly SidecarAd[]): SidecarBreak {
  const trackers = ["breakStart", "breakEnd"].map((event) => {
    return { event, url: `https://t.example/${breakId}?e=${event}`, time: undefined };
  });
  return {
    breakId,
    startTime,
    duration: ads.reduce((total, ad) => total + ad.duration, 0),
    ads,
    skipped: [],
    trackers,
  };
}

export function sidecarInput(breaks: readonly SidecarBreak[]): SidecarInput {
  return { startTime: 0, endTime: 362.508, breaks, signals: undefined };
}
