/** A manifest server as a literal: core stitches, and what the server would tell of it is told in any form. */
import {
  type AdDecorator,
  buildSidecar,
  emptyTimeline,
  formatAdFragment,
  formatMarker,
  formatPodFragment,
  listAvails,
  type LiveTimeline,
  parseMediaPlaylist,
  type PlacedBreak,
  type Pod,
  type SidecarAd,
  type SidecarBreak,
  type SidecarVersion,
  type Stitched,
  stitchLive,
  stitchVod,
} from "@interlude/core";
import { formatVod, HOST } from "../fake-web.ts";

const AD_SEGMENTS: Readonly<Record<string, { readonly count: number; readonly duration: number }>> = {
  one: { count: 2, duration: 4 },
  two: { count: 3, duration: 2 },
};

/** Seconds. */
export const AD_DURATION = { one: 8, two: 6 } as const;

export function podOf(breakId: string, ...ads: readonly string[]): Pod {
  return {
    breakId,
    ads: ads.map((adId) => {
      const { count, duration } = AD_SEGMENTS[adId] ?? { count: 1, duration: 4 };
      const playlist = parseMediaPlaylist(formatVod(count, duration, adId));
      return { adId, renditions: [{ bandwidthBps: 1, url: new URL(`${HOST}/ads/${adId}/media.m3u8`), playlist }] };
    }),
  };
}

const EVENTS = [
  ["impression", 0],
  ["creativeView", 0],
  ["start", 0],
  ["firstQuartile", 0.25],
  ["midpoint", 0.5],
  ["thirdQuartile", 0.75],
  ["complete", 1],
] as const;

/** Beacons are `/t/{break}/{ad}/{event}`; a progress beacon at 1.5 s. */
function describeAd(breakId: string, adId: string, startTime: number, duration: number, index: number): SidecarAd {
  const url = (event: string): string => `${HOST}/t/${breakId}/${adId}/${event}`;
  const timed = EVENTS.map(([event, share]) => ({ event, url: url(event), time: share * duration }));
  return {
    adId,
    adSystem: "s",
    title: `Ad ${adId}`,
    creativeId: `c-${adId}`,
    sequence: index + 1,
    startTime,
    duration,
    playlistUrl: `${HOST}/ads/${adId}/media.m3u8`,
    trackers: [
      ...timed,
      { event: "progress", url: url("progress"), time: 1.5 },
      { event: "mute", url: url("mute"), time: undefined },
    ],
    errors: [url("error")],
    clickThrough: "https://shop.example/",
    clickTrackers: [url("click")],
    companions: [
      {
        id: "banner",
        width: 300,
        height: 250,
        resourceType: "static",
        mimeType: "image/png",
        resource: "https://cdn.example/banner.png",
        clickThrough: undefined,
        trackers: [{ event: "creativeView", url: url("banner"), time: undefined }],
      },
    ],
    wrapperAdIds: [],
  };
}

export function describeBreak({ breakId, startTime, duration, ads }: PlacedBreak): SidecarBreak {
  const trackers = ["breakStart", "breakEnd"].map((event) => {
    return { event, url: `${HOST}/t/${breakId}/${event}`, time: undefined };
  });
  const described = ads.map((ad, index) => describeAd(breakId, ad.adId, ad.startTime, ad.duration, index));
  return { breakId, startTime, duration, ads: described, skipped: [], trackers };
}

/** EXT-X-MARKER as the manifest server writes it. */
function markerDecorator(pods: readonly Pod[]): AdDecorator {
  return (place) => {
    const pod = pods.find(({ breakId }) => breakId === place.breakId);
    const lengths = (pod?.ads ?? []).map(({ adId }) => (adId === "one" ? AD_DURATION.one : AD_DURATION.two));
    const duration = lengths.reduce((sum, length) => sum + length, 0);
    const { breakId, adId, adIndex } = place;
    const whole = { breakId, contentTime: 0, startTime: 0, duration, firstMediaSequence: 0, ads: [] };
    const data = formatPodFragment(describeBreak(whole));
    const ad = describeAd(breakId, adId, 0, lengths[adIndex] ?? 0, adIndex);
    const tags = [
      place.isFirstOfBreak &&
        formatMarker({ id: `${breakId}-begin`, type: "PodBegin", duration, data, breakDuration: duration }),
      place.index === 0 &&
        formatMarker({
          id: `${breakId}-ad-${adIndex}`,
          type: "AdBegin",
          duration: ad.duration,
          data: formatAdFragment(ad),
        }),
      place.isLastOfBreak &&
        formatMarker({ id: `${breakId}-end`, type: "PodEnd", duration: 0, offset: place.duration, data }),
    ];
    return { tags: tags.filter((tag) => tag !== false) };
  };
}

const PLACE = { url: new URL(`${HOST}/content/720.m3u8`), bandwidthBps: 1, kind: "main" } as const;

export interface ServedPlaylist extends Stitched {
  readonly sidecar: (version: SidecarVersion) => string;
}

function serve(stitched: Stitched, skipped: SidecarBreak["skipped"] = []): ServedPlaylist {
  const { segments } = parseMediaPlaylist(stitched.text);
  const endTime = segments.reduce((sum, { duration }) => sum + duration, 0);
  const breaks = stitched.breaks.map((placed) => ({ ...describeBreak(placed), skipped }));
  return {
    ...stitched,
    sidecar: (version) => buildSidecar(version, { startTime: 0, endTime, breaks, signals: undefined }).body,
  };
}

/** 24 s of content in segments of 4 s: a pre-roll `one`, `one` and `two` at 8 s, a post-roll `two`. */
export function serveVod(skipped: SidecarBreak["skipped"] = []): ServedPlaylist {
  const pods = [podOf("pre", "one"), podOf("mid", "one", "two"), podOf("post", "two")];
  const [pre, mid, post] = pods;
  const timed = [
    ...(pre ? [{ ...pre, time: 0 }] : []),
    ...(mid ? [{ ...mid, time: 8 }] : []),
    ...(post ? [{ ...post, time: "end" as const }] : []),
  ];
  return serve(stitchVod(formatVod(6), PLACE, timed, { decorate: markerDecorator(pods) }), skipped);
}

/** Refreshes of a live window of 6 segments of 4 s: an avail of 16 s, filled with `one` and `two`, at each of `avails`. */
export function startLive(avails: readonly number[]): { readonly refresh: (first: number) => ServedPlaylist } {
  const pods: Pod[] = [];
  let timeline: LiveTimeline = emptyTimeline();
  return {
    refresh: (first) => {
      const lines = Array.from({ length: 6 }, (_, index) => {
        const sn = first + index;
        const out = avails.includes(sn) ? "#EXT-X-CUE-OUT:16.000\n" : "";
        const back = avails.includes(sn - 4) ? "#EXT-X-CUE-IN\n" : "";
        return `${out}${back}#EXTINF:4.000000,\nlive-${sn}.ts\n`;
      });
      const text = `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:${first}\n${lines.join("")}`;
      for (const { id } of listAvails(text))
        if (!pods.some(({ breakId }) => breakId === id)) pods.push(podOf(id, "one", "two"));
      const decisions = new Map(
        pods.map((pod) => [pod.breakId, { kind: "pod", pod, availDuration: 16, programDateTime: undefined } as const]),
      );
      const stitched = stitchLive(text, PLACE, timeline, decisions, { decorate: markerDecorator(pods) });
      ({ timeline } = stitched);
      return serve(stitched);
    },
  };
}
