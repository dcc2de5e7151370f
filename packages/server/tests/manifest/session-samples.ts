/** Sessions, decisions and timelines as real requests make them. */
import { randomUUID } from "node:crypto";
import { emptyTimeline, type LiveTimeline, parseCues, parseMediaPlaylist, stitchLive } from "@interlude/core";
import type { BreakDecision, DecidedAd } from "../../src/manifest/breaks/decision.ts";
import type { Session } from "../../src/manifest/session/session.ts";

export function sampleSession(change: Partial<Session> = {}): Session {
  return {
    id: randomUUID(),
    zone: "1",
    assetId: "asset-4711",
    contentUrl: "https://content.example/channel/master.m3u8",
    query: "u=asset-4711&z=1&pttrackingmode=simple&pttrackingversion=v2",
    isBackup: false,
    createdAt: 1_800_000_000_000,
    viewer: {
      ip: "192.0.2.7",
      userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140 Safari/537.36",
    },
    ...change,
  };
}

const EVENTS =
  "impression impression creativeView start start firstQuartile midpoint thirdQuartile complete mute pause resume";

/** Two ads with 12 trackers each, whose addresses differ from session to session as those of ad servers do. */
export function sampleDecision(change: Partial<BreakDecision> = {}): BreakDecision {
  return {
    breakId: "mid-1",
    position: "mid",
    place: { kind: "live", mediaSequence: 1200, programDateTime: "2027-01-15T08:00:00.000Z" },
    availDuration: 60,
    ads: [sampleAd(1), sampleAd(2)],
    skipped: [],
    trackers: [],
    signal: { tagName: "EXT-X-CUE-OUT", attributes: { DURATION: "60" } },
    ...change,
  };
}

function sampleAd(sequence: number): DecidedAd {
  const visit = randomUUID();
  const creative = `https://cdn.example/1/0a1/b2c/0a1b2c3d4e5f60718293a4b5c6d7e8f${sequence}_00112233445566778899aabbccddeeff`;
  const trackers = EVENTS.split(" ").map((event, index) => ({
    event,
    url: `https://track${index % 3}.ads.example/event/${event}?visit=${visit}&line=98765432${sequence}&cb=[CACHEBUSTING]&t=[TIMESTAMP]`,
    time: index < 9 ? index * 7.5 : undefined,
  }));
  return {
    adId: `ad-98765432${sequence}`,
    adSystem: "Example Ads",
    title: "Spring sale, thirty seconds",
    creativeId: `creative-5550${sequence}`,
    sequence,
    duration: 30,
    playlistUrl: `${creative}.m3u8`,
    isRepackaged: true,
    renditions: [5_000_000, 2_800_000, 1_400_000, 700_000].map((bandwidthBps) => ({
      bandwidthBps,
      url: `${creative}/a1/${bandwidthBps}/index.m3u8`,
      kind: "main",
    })),
    trackers,
    errors: [`https://track0.ads.example/error?visit=${visit}&code=[ERRORCODE]`],
    clickThrough: `https://shop.example/landing?visit=${visit}`,
    clickTrackers: [`https://track1.ads.example/click?visit=${visit}`],
    companions: [],
    wrapperAdIds: ["wrapper-1"],
  };
}

/** What stitching a live playlist leaves behind. */
export function sampleTimeline(first: number, count: number, past = emptyTimeline()): LiveTimeline {
  return stitchLive(formatContent(first, count), PLACE, past, new Map()).timeline;
}

/** The same, with a break of two ads from the second segment on. */
export function sampleBreakTimeline(first: number, count: number): LiveTimeline {
  const text = formatContent(first, count, first + 1);
  const visit = randomUUID();
  const ads = ["one", "two"].map((adId) => {
    const url = new URL(`https://cdn.example/1/0a1/b2c/${visit}_${adId}/5000000/index.m3u8`);
    return { adId, renditions: [{ bandwidthBps: 5_000_000, url, playlist: parseMediaPlaylist(formatContent(0, 5)) }] };
  });
  const decisions = parseCues(parseMediaPlaylist(text)).map(
    ({ id }) => [id, { kind: "pod", pod: { breakId: id, ads }, availDuration: 60 }] as const,
  );
  return stitchLive(text, PLACE, emptyTimeline(), new Map(decisions)).timeline;
}

const PLACE = { url: new URL("https://content.example/720.m3u8"), bandwidthBps: 2_000_000, kind: "main" } as const;

function formatContent(first: number, count: number, cueAt?: number): string {
  const lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:6", `#EXT-X-MEDIA-SEQUENCE:${first}`];
  for (let number = first; number < first + count; number++) {
    if (number === cueAt) lines.push("#EXT-X-CUE-OUT:60");
    lines.push(`#EXTINF:${number % 2 ? 6 : 5.994667},`, `segment-${number}.ts`);
  }
  return `${lines.join("\n")}\n`;
}
