import {
  type AdRendition,
  type Creative,
  type JitContext,
  type MediaFile,
  parseMediaPlaylist,
  parseZoneDocument,
  type ProbeResult,
  type RepackageAnswer,
} from "@interlude/core";
import { describe, expect, test } from "vitest";
import type { SplicedMedia } from "../../src/ads/cdn.ts";
import { loadFitting } from "../../src/ads/hls-copy.ts";
import { formatVod, HOST, ZONE } from "../fake-web.ts";

const MASTER = new URL("/ad/master.m3u8", HOST);
const unknown = { id: undefined, width: undefined, height: undefined, bitrateKbps: undefined, codec: undefined };
const type = "application/x-mpegURL";
const hls = { url: MASTER.href, type, delivery: "streaming", ...unknown } as const;
const mediaFile: MediaFile = { ...hls, apiFramework: undefined, fileSize: undefined };
const creative: Creative = {
  id: "c",
  adId: undefined,
  universalAdIds: [],
  duration: 8,
  skipOffset: undefined,
  mediaFiles: [mediaFile],
  mezzanines: [],
  interactiveOnly: false,
  adParameters: undefined,
  trackers: [],
  clickThrough: undefined,
  clickTrackers: [],
  icons: [],
};
const zone = parseZoneDocument(JSON.parse(ZONE.text ?? ""), new URL("/v1/zones/1.json", HOST));
const needs = { packaging: "hls", targetDuration: 4, isLive: true } as const;
const context: JitContext = { zone, cdnBase: new URL("/cdn/a/", HOST), needs };
const rendition: AdRendition = { bandwidthBps: 1, url: MASTER, playlist: parseMediaPlaylist(formatVod(2)) };

const fits: SplicedMedia = { renditions: [rendition], duration: 8, misfit: undefined };
const misfits: SplicedMedia = { renditions: [], duration: 8, misfit: "target-duration-exceeded" };

/** @param copy what the CDN has of it */
async function load(original: SplicedMedia, copy: SplicedMedia | undefined): Promise<unknown> {
  const asked: string[] = [];
  const found = await loadFitting({ playlistUrl: MASTER, mediaFile, isRepackaged: false }, creative, context, {
    probe: async (): Promise<ProbeResult> => (copy ? "hit" : "miss"),
    requestRepackage: async ({ creativeUrl }): Promise<RepackageAnswer> => {
      asked.push(creativeUrl);
      return { outcome: "unavailable" };
    },
    loadMedia: async (url) => (url.href === MASTER.href ? original : (copy ?? misfits)),
  });
  if ("skipped" in found) return { skipped: found.skipped, asked };
  return { from: found.mediaUrl === MASTER.href ? "original" : "copy", asked };
}

describe("loadFitting", () => {
  test("HLS that fits is taken, and nothing is asked", async () => {
    expect(await load(fits, fits)).toEqual({ from: "original", asked: [] });
  });

  test("HLS that does not fit gives way to its copy on the CDN", async () => {
    expect(await load(misfits, fits)).toEqual({ from: "copy", asked: [] });
  });

  test("HLS that does not fit and has no copy is skipped with what is wrong with it, and a copy is asked for", async () => {
    expect(await load(misfits, undefined)).toEqual({ skipped: "target-duration-exceeded", asked: [MASTER.href] });
  });

  test("HLS of which some renditions fit is used until its copy is there", async () => {
    expect(await load({ ...fits, misfit: "target-duration-exceeded" }, undefined)).toEqual({
      from: "original",
      asked: [MASTER.href],
    });
  });
});
