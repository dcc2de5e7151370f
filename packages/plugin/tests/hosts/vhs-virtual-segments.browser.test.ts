import { afterEach, describe, expect, test } from "vitest";
import videojs, { type PagePlayer } from "video.js/dist/video.es.js";
import type { Vhs } from "../../src/hosts/vhs-engine.ts";
import { createPlaylistGate, type PlaylistGate } from "../../src/hosts/vhs-playlists.ts";
import { createVirtualRequests } from "../../src/hosts/vhs-virtual-segments.ts";
import type { VideoJsPlayer } from "../../src/hosts/videojs-engine.ts";
import {
  formatSegments,
  NEVER,
  realUrl,
  shelveCreative,
  textUrl,
  type VirtualCreative,
  virtualUrl,
} from "./virtual-creative.ts";

const players: PagePlayer[] = [];
afterEach(() => {
  for (const player of players.splice(0)) player.dispose();
});

interface Playing {
  readonly player: PagePlayer;
  readonly video: HTMLVideoElement;
  readonly vhs: Vhs;
  readonly gate: PlaylistGate;
}

/** video.js's own types say less than there is. */
function hasTech(player: object): player is Pick<VideoJsPlayer, "tech"> {
  return "tech" in player;
}

/** Plays fast, from the start. */
async function play({ shelf }: VirtualCreative, src: string): Promise<Playing> {
  const video = document.createElement("video");
  document.body.append(video);
  video.defaultPlaybackRate = 4;
  const html5 = { vhs: { overrideNative: true } };
  const player = videojs(video, { autoplay: true, muted: true, width: 320, height: 180, html5 });
  players.push(player);
  const ready = new Promise((resolve) => player.on("xhr-hooks-ready", resolve));
  player.src({ src, type: "application/x-mpegURL" });
  await ready;
  const vhs = hasTech(player) ? player.tech(true)?.vhs : undefined;
  if (!vhs) throw new Error("expected VHS to play the source, got another handler");
  const gate = createPlaylistGate(vhs, { readMaster: () => undefined, stitch: async ({ text }) => text });
  gate.virtual = createVirtualRequests(vhs, shelf);
  return { player, video, vhs, gate };
}

async function untilEnd(video: HTMLVideoElement): Promise<void> {
  await expect.poll(() => video.ended, { timeout: 15_000 }).toBe(true);
}

const AD = [virtualUrl("0.ts"), virtualUrl("1.ts")];

describe("createVirtualRequests in VHS", () => {
  test("an ad that the page makes plays between two stretches of the content", async () => {
    const creative = shelveCreative();
    const content = realUrl("0.ts");
    const { video, vhs } = await play(creative, textUrl(formatSegments(content, "/", ...AD, "/", content)));
    await expect.poll(() => creative.loaded, { timeout: 15_000 }).toEqual(["0.ts", "1.ts"]);
    await untilEnd(video);
    expect(video.duration).toBeCloseTo(8, 0);
    expect(vhs.stats?.mediaTransferDuration).toBeGreaterThanOrEqual(2000);
  });

  test("pictures and sound apart come with their initialisation segments", async () => {
    const creative = shelveCreative();
    const apart = (kind: "v" | "a"): string => {
      const [init, ...segments] = [`${kind}.mp4`, `${kind}0.m4s`, `${kind}1.m4s`].map(virtualUrl);
      return textUrl(formatSegments(`[${init}]`, ...segments));
    };
    const media = `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",DEFAULT=YES,AUTOSELECT=YES,URI="${apart("a")}"`;
    const stream = `#EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS="avc1.42c00d,mp4a.40.2",AUDIO="a"\n${apart("v")}`;
    const { video } = await play(creative, textUrl(`#EXTM3U\n${media}\n${stream}\n`));
    await untilEnd(video);
    expect(creative.loaded.toSorted()).toEqual(["a.mp4", "a0.m4s", "a1.m4s", "v.mp4", "v0.m4s", "v1.m4s"]);
  });

  test("a seek while a segment is on its way gives it up, and the one that is wanted comes", async () => {
    const creative = shelveCreative();
    const ads = [virtualUrl("0.ts"), virtualUrl(NEVER), "/", ...AD, "/", ...AD];
    const { video } = await play(creative, textUrl(formatSegments(...ads)));
    await expect.poll(() => creative.loaded, { timeout: 15_000 }).toEqual(["0.ts", NEVER]);
    video.currentTime = 9;
    await untilEnd(video);
    expect(creative.loaded.at(-1)).toBe("1.ts");
  });

  test("a player that outlives the plugin plays the ad that its playlist lists, and lets it go with its source", async () => {
    const creative = shelveCreative();
    const content = realUrl("0.ts");
    const { player, video, gate } = await play(creative, textUrl(formatSegments(content, "/", ...AD)));
    await expect.poll(() => video.readyState, { timeout: 15_000 }).toBeGreaterThan(1);
    gate.release();
    await untilEnd(video);
    expect([creative.loaded, creative.shelf.released.aborted]).toEqual([["0.ts", "1.ts"], false]);
    player.src({ src: textUrl(formatSegments(content)), type: "application/x-mpegURL" });
    await expect.poll(() => creative.shelf.released.aborted).toBe(true);
  });
});
