export * from "./ad-renditions.ts";
export * from "./ads/ad-request.ts";
export * from "./ads/ad.ts";
export * from "./ads/beacon.ts";
export * from "./ads/creative.ts";
export * from "./ads/macros.ts";
export * from "./ads/pod.ts";
export { formatAdFragment, formatPodFragment } from "./ads/sidecar-vmap.ts";
export * from "./ads/sidecar.ts";
export * from "./ads/sidecar-read.ts";
export { readAdFragment, readPodFragment } from "./ads/sidecar-read-vmap.ts";
export * from "./ads/time.ts";
export {
  type InLineAd,
  parseAdUrl,
  parseMediaFileElement,
  parseVast,
  TICKET_EXTENSION,
  type VastDocument,
  type WrapperAd,
} from "./ads/vast.ts";
export * from "./ads/vmap.ts";
export * from "./ads/xml.ts";
export * from "./cdn.ts";
export * from "./error.ts";
export * from "./first-encounter.ts";
export * from "./hls/align.ts";
export * from "./hls/attribute-list.ts";
export { type Avail, type AvailSignal, listAvails, parseCues } from "./hls/cue.ts";
export type { KeyTag } from "./hls/key.ts";
export * from "./hls/end-list.ts";
export * from "./hls/marker.ts";
export * from "./hls/master-playlist.ts";
export * from "./hls/media-playlist.ts";
export { formatPictureLead, type PictureLead } from "./hls/picture-lead.ts";
export * from "./hls/picture-times.ts";
export type { ContentPlace } from "./hls/playlist-clock.ts";
export * from "./hls/scte35.ts";
export type { DeliveryRestrictions, Segmentation, Upid } from "./hls/scte35-segmentation.ts";
export { parseProgramDateTime } from "./hls/program-date-time.ts";
export * from "./jit.ts";
export { formatDateOf } from "./hls/playlist-clock.ts";
export { isBehind } from "./live-fork.ts";
export { emptyTimeline, forkTimeline, type LiveTimeline } from "./live-timeline.ts";
export * from "./ports.ts";
export * from "./pttimeline.ts";
export * from "./sha256.ts";
export * from "./skip-reason.ts";
export type { AvailDecision, PodDecision } from "./live-decide.ts";
export type { SharedResumption } from "./live-resume.ts";
export * from "./stitch-live.ts";
export * from "./stitch.ts";
export type { TimedPod } from "./vod-plan.ts";
export { type HostMatch, type NormaliseRule, parseZoneDocument, type ZoneDocument } from "./zone.ts";
export * from "./stitched.ts";
export * from "./webvtt/clip.ts";
export {
  BLANK_WEBVTT,
  EMPTY_CUE,
  parseWebVtt,
  type TimestampMap,
  type WebVtt,
  type WebVttCue,
} from "./webvtt/webvtt.ts";
