/**
 * The plugin at work in VHS, for one source: what VHS has appended tells where the ads are, and what fails in an ad is kept from it.
 */
import type { HostSide, LoadedParts } from "../parts.ts";
import { measureAhead } from "../viewing/frames.ts";
import { createAdGuard } from "./vhs-ad-failure.ts";
import type { Vhs, VhsPlaylist } from "./vhs-engine.ts";
import type { VideoJsTech } from "./videojs-engine.ts";
import type { PlaylistGate } from "./vhs-playlists.ts";

export interface VhsHost {
  readonly vhs: Vhs;
  readonly tech: VideoJsTech;
  readonly gate: PlaylistGate;
  readonly contentUrl: () => string;
}

/** Of the element: VHS has appended more, or the viewer has got further. */
const MEDIA_EVENTS = ["timeupdate", "seeking", "progress"] as const;
/** Of the element: whether the viewer waits is to be seen anew. */
const NO_WAIT = ["playing", "pause", "emptied", "ended"] as const;

export function attachVhs({ vhs, tech, gate, contentUrl }: VhsHost, parts: LoadedParts): HostSide {
  const { session, timeline, viewing } = parts;
  const { playlists } = vhs;
  const element = tech.el();
  const media = element instanceof HTMLMediaElement ? element : null;
  const placeSegments = createSegmentPlacer();
  const guard = media && createAdGuard(media, parts, gate);

  const update = (): void => {
    const playlist = playlists?.media();
    const url = playlist && gate.find(playlist)?.url.href;
    if (!playlist || url === undefined) return;
    const { fragments, appended } = placeSegments(playlist);
    const live = session.facts()?.isLive ?? false;
    timeline.setDetails({ url, live, startSN: playlist.mediaSequence ?? 0, fragments });
    for (const fragment of appended) timeline.addFragment(fragment, url);
    parts.onTimelineChange();
  };
  const onMedia = (): void => {
    update();
    guard?.check();
  };
  const onWaiting = (): void => guard?.setWaiting(true);
  const onPlaying = (): void => guard?.setWaiting(false);
  media?.addEventListener("waiting", onWaiting);
  for (const event of NO_WAIT) media?.addEventListener(event, onPlaying);
  playlists?.on("loadedplaylist", update);
  for (const event of MEDIA_EVENTS) media?.addEventListener(event, onMedia);
  viewing.watch(media);
  update();

  return {
    media: () => media,
    contentUrl,
    bufferAhead: () => measureAhead(media),
    bandwidthBps: () => ((vhs.stats?.mediaTransferDuration ?? 0) > 0 ? vhs.bandwidth : undefined),
    serveVirtual: async (shelf) => {
      const { createVirtualRequests } = await import("./vhs-virtual-segments.ts");
      gate.virtual ??= createVirtualRequests(vhs, shelf);
    },
    // a VOD playlist is asked for once
    onLateChange: () => void session.vod()?.bindLate(() => false),
    detach: () => {
      playlists?.off("loadedplaylist", update);
      for (const event of MEDIA_EVENTS) media?.removeEventListener(event, onMedia);
      media?.removeEventListener("waiting", onWaiting);
      for (const event of NO_WAIT) media?.removeEventListener(event, onPlaying);
      guard?.release();
      gate.release();
      viewing.stop();
      viewing.watch(null);
    },
  };
}

interface Place {
  readonly sn: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Segments one after another, from those that VHS has appended and knows the real times of. Numbers count across renditions: after a
 * switch nothing of the new one is known.
 *
 * @returns on each call all that is listed, and what was appended or moved since the last one
 */
export function createSegmentPlacer(): (playlist: VhsPlaylist) => {
  readonly fragments: readonly Place[];
  readonly appended: readonly Place[];
} {
  const known = new Map<number, Place>();
  return ({ segments = [], mediaSequence = 0 }) => {
    const appended: Place[] = [];
    for (const [index, { start, end }] of segments.entries()) {
      const sn = mediaSequence + index;
      const before = known.get(sn);
      if (start === undefined || end === undefined || (before?.start === start && before.end === end)) continue;
      const place = { sn, start, end };
      known.set(sn, place);
      appended.push(place);
    }
    const first = segments.findIndex((_, index) => known.has(mediaSequence + index));
    const led = segments.slice(0, Math.max(0, first)).reduce((sum, { duration }) => sum + duration, 0);
    let time = first < 0 ? 0 : (known.get(mediaSequence + first)?.start ?? 0) - led;
    const fragments = segments.map(({ duration }, index) => {
      const sn = mediaSequence + index;
      const place = known.get(sn) ?? { sn, start: time, end: time + duration };
      time = place.end;
      return place;
    });
    return { fragments, appended };
  };
}
