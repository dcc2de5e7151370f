import Hls, { type HlsConfig, type Loader, type LoaderContext } from "hls.js";
import { afterEach, describe, expect, test } from "vitest";
import { type LoaderClass, serveInHls } from "../../src/hosts/hls-virtual-segments.ts";
import {
  formatSegments,
  realUrl,
  shelveCreative,
  textUrl,
  type VirtualCreative,
  virtualUrl,
} from "./virtual-creative.ts";

const players: Hls[] = [];
afterEach(() => {
  for (const hls of players.splice(0)) {
    hls.media?.remove();
    hls.destroy();
  }
});

interface Playing {
  readonly hls: Hls;
  readonly video: HTMLVideoElement;
  readonly errors: readonly string[];
}

/** Plays fast, from the start. */
function play(
  { shelf }: VirtualCreative,
  source: string,
  config: Partial<HlsConfig> = {},
  fLoader?: LoaderClass,
): Playing {
  const hls = new Hls(config);
  if (fLoader) Object.assign(hls.config, { fLoader });
  players.push(hls);
  const errors: string[] = [];
  // between segments that ffmpeg has cut there may be a hole, which hls.js jumps over
  hls.on(Hls.Events.ERROR, (_event, { type, details }) => {
    if (type === Hls.ErrorTypes.NETWORK_ERROR || details === Hls.ErrorDetails.FRAG_PARSING_ERROR) errors.push(details);
  });
  serveInHls(hls, shelf, () => undefined);
  const video = document.createElement("video");
  video.muted = true;
  video.defaultPlaybackRate = 4;
  document.body.append(video);
  hls.loadSource(source);
  hls.attachMedia(video);
  void video.play();
  return { hls, video, errors };
}

async function untilEnd(video: HTMLVideoElement): Promise<void> {
  await expect.poll(() => video.ended, { timeout: 15_000 }).toBe(true);
}

/** A page's own loader for fragments: hls.js's, with a note of what is asked for. */
function createPageLoader(own: string[]): LoaderClass {
  return class extends Hls.DefaultConfig.loader {
    override load(...asked: Parameters<Loader<LoaderContext>["load"]>): void {
      own.push(asked[0].url);
      super.load(...asked);
    }
  };
}

const AD = [virtualUrl("0.ts"), virtualUrl("1.ts")];

describe("serveInHls in hls.js", () => {
  test("an ad that the page makes plays between two stretches of the content", async () => {
    const creative = shelveCreative();
    const content = realUrl("0.ts");
    const source = textUrl(formatSegments(content, "/", ...AD, "/", content));
    const { video, errors, hls } = play(creative, source);
    await untilEnd(video);
    expect([creative.loaded, errors, video.duration]).toEqual([["0.ts", "1.ts"], [], expect.closeTo(8, 0)]);
    // what the network gave, and not how fast the bytes were there
    expect(hls.bandwidthEstimate).toBeLessThan(4_000_000);
  });

  test("pictures and sound apart come with their initialisation segments", async () => {
    const creative = shelveCreative();
    const apart = (kind: "v" | "a"): string => {
      const [init, ...segments] = [`${kind}.mp4`, `${kind}0.m4s`, `${kind}1.m4s`].map(virtualUrl);
      return textUrl(formatSegments(`[${init}]`, ...segments));
    };
    const media = `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",DEFAULT=YES,AUTOSELECT=YES,URI="${apart("a")}"`;
    const stream = `#EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS="avc1.42c00d,mp4a.40.2",AUDIO="a"\n${apart("v")}`;
    const { video, errors } = play(creative, textUrl(`#EXTM3U\n${media}\n${stream}\n`));
    await untilEnd(video);
    expect(errors).toEqual([]);
    expect(creative.loaded.toSorted()).toEqual(["a.mp4", "a0.m4s", "a1.m4s", "v.mp4", "v0.m4s", "v1.m4s"]);
  });

  test("with two levels the first segment is made once, although hls.js loads it twice to know its bandwidth", async () => {
    const creative = shelveCreative();
    const level = (bandwidth: number): string =>
      `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},CODECS="avc1.42c00d,mp4a.40.2"\n${textUrl(formatSegments(...AD))}`;
    const { video, hls } = play(creative, textUrl(`#EXTM3U\n${level(300_000)}\n${level(900_000)}\n`), {
      startLevel: -1,
    });
    const tests: boolean[] = [];
    hls.on(Hls.Events.FRAG_LOADING, (_event, { frag }) => tests.push(frag.bitrateTest));
    await untilEnd(video);
    expect([tests, creative.loaded]).toEqual([
      [true, false, false],
      ["0.ts", "1.ts"],
    ]);
  });

  test("a fragment loader of the page's own goes on loading the content", async () => {
    const creative = shelveCreative();
    const own: string[] = [];
    const content = realUrl("0.ts");
    const { video } = play(creative, textUrl(formatSegments(content, "/", ...AD)), {}, createPageLoader(own));
    await untilEnd(video);
    expect([own, creative.loaded]).toEqual([[content], ["0.ts", "1.ts"]]);
  });

  test("hls.js that reads as it loads gets the whole segment at once", async () => {
    const creative = shelveCreative();
    const { video, errors } = play(creative, textUrl(formatSegments(...AD)), { progressive: true });
    await untilEnd(video);
    expect([errors, creative.loaded]).toEqual([[], ["0.ts", "1.ts"]]);
  });

  test("the ad of an interstitial is played from its virtual playlist, by the player that hls.js makes for it", async () => {
    const creative = shelveCreative({ "main.m3u8": formatSegments("0.ts", "1.ts") });
    const content = realUrl("0.ts");
    const asset = encodeURIComponent(JSON.stringify({ ASSETS: [{ URI: virtualUrl("main.m3u8"), DURATION: 4 }] }));
    const range = `#EXT-X-DATERANGE:ID="one",CLASS="com.apple.hls.interstitial",START-DATE="2000-01-01T00:00:02.000Z",X-RESUME-OFFSET=0,X-ASSET-LIST="data:application/json,${asset}"`;
    const text = formatSegments(content, content).replace(
      "#EXTINF",
      `#EXT-X-PROGRAM-DATE-TIME:2000-01-01T00:00:00.000Z\n${range}\n#EXTINF`,
    );
    const { hls } = play(creative, textUrl(text), { interstitialAppendInPlace: false });
    const told: string[] = [];
    hls.on(Hls.Events.INTERSTITIAL_ASSET_ENDED, () => told.push("asset ended"));
    hls.on(Hls.Events.INTERSTITIAL_ASSET_ERROR, (_event, { details }) => told.push(details));
    hls.on(Hls.Events.INTERSTITIALS_PRIMARY_RESUMED, () => told.push("content"));
    await expect.poll(() => told.at(-1), { timeout: 15_000 }).toBe("content");
    expect(told).toContain("asset ended");
    expect(creative.loaded).toEqual(["main.m3u8", "0.ts", "1.ts"]);
  });

  test("CMCD, which wraps fragment loaders itself, does not put it out of work", async () => {
    const creative = shelveCreative();
    const { video } = play(creative, textUrl(formatSegments(...AD)), { cmcd: { useHeaders: true } });
    await untilEnd(video);
    expect(creative.loaded).toEqual(["0.ts", "1.ts"]);
  });
});
