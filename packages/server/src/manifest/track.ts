/**
 * Which playlist of the content a session asks for: how it is named in the session's memory, what kind of playlist it is, and
 * whether its tracking may be asked for.
 *
 * @see primetime.md §1.2 (`rendition`), §1.15 (status of sidecars)
 */
import { createHash } from "node:crypto";
import {
  type ContentPlaylist,
  emptyTimeline,
  forkTimeline,
  isBehind,
  type LiveTimeline,
  type MediaPlaylist,
} from "@interlude/core";
import type { Content } from "./content/content.ts";
import type { MediaAnswer, MediaRequest } from "./routes.ts";
import type { SessionState } from "./session/session.ts";

const KIND_OF_SLOT: Readonly<Record<string, ContentPlaylist["kind"]>> = {
  webvtt: "subtitles",
  audio: "audio",
  iframe: "iframes",
  image: "iframes",
};

/** The playlist that ads go into. */
export function describePlace({ slot, contentUrl }: MediaRequest, { playlist }: Content): ContentPlaylist {
  const kbps = Number(slot);
  const kind = playlist.isIFramesOnly ? "iframes" : (KIND_OF_SLOT[slot] ?? "main");
  return { url: contentUrl, bandwidthBps: kbps > 0 ? kbps * 1000 : undefined, kind };
}

/** By address; the requests of one address share one object. */
const hashes = new WeakMap<URL, string>();

/** Slot and content playlist, short enough to be kept with each session. */
export function nameTrack({ slot, contentUrl }: MediaRequest): string {
  const hash = hashes.get(contentUrl) ?? createHash("sha256").update(contentUrl.href).digest("base64url").slice(0, 11);
  hashes.set(contentUrl, hash);
  return `${slot}:${hash}`;
}

function isMainTrack(track: string): boolean {
  return /^(?:\d+|video):/.test(track);
}

/**
 * The memory that a refresh goes by: the track's own, but where others went on without it that of the one asked for last, which
 * knows the breaks that were shown meanwhile. Those with a picture before others: subtitles may lack the discontinuities.
 */
export function selectTimeline(
  timelines: SessionState["timelines"],
  track: string,
  playlist: MediaPlaylist,
): LiveTimeline {
  const own = timelines.get(track);
  if (own && !isBehind(own, playlist)) return own;
  const others = [...timelines].filter(([name]) => name !== track);
  const followed = others.filter(([, timeline]) => !isBehind(timeline, playlist));
  const current = own || followed.length > 0 ? followed : others;
  const [, chosen] = current.findLast(([name]) => isMainTrack(name)) ?? current.at(-1) ?? [];
  return chosen ? forkTimeline(chosen) : (own ?? emptyTimeline());
}

/** 500 for a stream that the player is not playing, 404 for one that it has left; undefined: its tracking may be told. */
export function refuseSidecar(tracks: readonly string[], track: string): MediaAnswer | undefined {
  const isLeft = isMainTrack(track) && tracks.findLast(isMainTrack) !== track;
  if (tracks.includes(track) && !isLeft) return undefined;
  const status = tracks.includes(track) ? 404 : 500;
  const message =
    status === 404
      ? "tracking: expected the stream that is played now, got one that the player has left"
      : "tracking: expected a stream whose playlist was asked for first, got another";
  const code = status === 404 ? "stream-left" : "stream-not-played";
  const body = JSON.stringify({ error: { code, message } });
  const headers = { "cache-control": "no-store" };
  return { status, headers, contentType: "application/json; charset=utf-8", body, outcome: "error" };
}
