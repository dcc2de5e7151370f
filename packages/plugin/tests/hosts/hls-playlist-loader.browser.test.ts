import Hls, {
  type HlsConfig,
  type LevelLoadedData,
  type Loader,
  type LoaderCallbacks,
  type LoaderConfiguration,
  type LoaderContext,
  type LoaderStats,
} from "hls.js";
import { afterEach, describe, expect, test } from "vitest";
import type { FetchedPlaylist } from "../../src/content/content.ts";
import { createAdInsertion } from "../../src/hls.ts";
import { createPlaylistLoader } from "../../src/hosts/hls-playlist-loader.ts";

const HOST = "https://site.example";
const MASTER = `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000,CODECS="avc1.4d401e,mp4a.40.2"\nmedia.m3u8\n`;
const MEDIA = `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n#EXT-X-ENDLIST\n`;
const STITCHED = MEDIA.replace(
  "#EXTINF:4,\nb.ts",
  `#EXT-X-DISCONTINUITY\n#EXTINF:4,\n${HOST}/ad.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:4,\nb.ts`,
);

function createStats(): LoaderStats {
  const now = performance.now();
  return {
    aborted: false,
    loaded: 1,
    retry: 0,
    total: 1,
    chunkCount: 0,
    bwEstimate: 0,
    loading: { start: now, first: now, end: now },
    parsing: { start: 0, end: 0 },
    buffering: { start: 0, first: 0, end: 0 },
  };
}

/** The host's own loader: answers from a literal, 404 for what is not there. */
function createHostLoader(texts: Readonly<Record<string, string>>): {
  readonly loader: HlsConfig["loader"];
  readonly asked: readonly string[];
} {
  const asked: string[] = [];
  class HostLoader implements Loader<LoaderContext> {
    context: LoaderContext | null = null;
    stats: LoaderStats = createStats();
    #isEnded = false;
    destroy(): void {
      this.#isEnded = true;
    }
    abort(): void {
      this.#isEnded = true;
    }
    load(context: LoaderContext, _configuration: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
      this.context = context;
      asked.push(context.url.replace(HOST, ""));
      queueMicrotask(() => {
        const data = texts[context.url.replace(HOST, "")];
        if (this.#isEnded) return;
        if (data === undefined) callbacks.onError({ code: 404, text: "not here" }, context, null, this.stats);
        else callbacks.onSuccess({ url: context.url, data, code: 200 }, this.stats, context, null);
      });
    }
  }
  return { loader: HostLoader, asked };
}

const CONTENT = { "/master.m3u8": MASTER, "/media.m3u8": MEDIA };

const players: Hls[] = [];
afterEach(() => {
  for (const player of players.splice(0)) player.destroy();
});

function play(config: Partial<HlsConfig>, source = "/master.m3u8"): Hls {
  const hls = new Hls(config);
  players.push(hls);
  hls.loadSource(HOST + source);
  return hls;
}

function levelLoaded(hls: Hls): Promise<LevelLoadedData> {
  return new Promise((resolve) => {
    hls.once(Hls.Events.LEVEL_LOADED, (_event, data) => resolve(data));
  });
}

const listUrls = ({ details }: LevelLoadedData): readonly string[] => details.fragments.map(({ url }) => url);

interface Tap {
  readonly pLoader: NonNullable<HlsConfig["pLoader"]>;
  readonly masters: readonly string[];
  readonly fetched: readonly FetchedPlaylist[];
}

/** The plugin's side as a literal: each media playlist is answered by the next of `answers`, the last for good. */
function tap(...answers: readonly (string | Promise<string>)[]): Tap {
  const masters: string[] = [];
  const fetched: FetchedPlaylist[] = [];
  const pLoader = createPlaylistLoader({
    readMaster: (text) => masters.push(text),
    stitch: (playlist) => {
      fetched.push(playlist);
      return Promise.resolve(answers[Math.min(fetched.length, answers.length) - 1] ?? playlist.text);
    },
  });
  return { pLoader, masters, fetched };
}

describe("createPlaylistLoader in hls.js", () => {
  test("hls.js gets the stitched media playlist and the untouched master, both through the host's loader", async () => {
    const { loader, asked } = createHostLoader(CONTENT);
    const { pLoader, masters, fetched } = tap(STITCHED);
    const loaded = await levelLoaded(play({ loader, pLoader }));
    expect(listUrls(loaded)).toEqual([`${HOST}/a.ts`, `${HOST}/ad.ts`, `${HOST}/b.ts`]);
    expect(loaded.details.fragments.map(({ cc }) => cc)).toEqual([0, 1, 2]);
    expect(masters).toEqual([MASTER]);
    expect(asked).toEqual(["/master.m3u8", "/media.m3u8"]);
    expect(fetched[0]?.content).toEqual({ url: new URL(`${HOST}/media.m3u8`), bandwidthBps: 800_000, kind: "main" });
  });

  test("content without a master playlist is stitched too", async () => {
    const { loader } = createHostLoader(CONTENT);
    const loaded = await levelLoaded(play({ loader, pLoader: tap(STITCHED).pLoader }, "/media.m3u8"));
    expect(listUrls(loaded)).toContain(`${HOST}/ad.ts`);
  });

  test("a break that is decided later is in the playlist that hls.js is made to ask for again", async () => {
    const { loader, asked } = createHostLoader(CONTENT);
    const hls = play({ loader, pLoader: tap(MEDIA, STITCHED).pLoader });
    expect(listUrls(await levelLoaded(hls))).not.toContain(`${HOST}/ad.ts`);
    const again = levelLoaded(hls);
    for (const level of hls.levels) delete level.details;
    hls.stopLoad();
    hls.startLoad(0);
    expect(listUrls(await again)).toContain(`${HOST}/ad.ts`);
    expect(asked).toEqual(["/master.m3u8", "/media.m3u8", "/media.m3u8"]);
  });

  test("what the plugin answers after hls.js was destroyed reaches nobody", async () => {
    const { loader } = createHostLoader(CONTENT);
    let answer: (text: string) => void = () => undefined;
    const { pLoader, fetched } = tap(
      new Promise<string>((resolve) => {
        answer = resolve;
      }),
    );
    const hls = play({ loader, pLoader });
    const events: string[] = [];
    hls.on(Hls.Events.LEVEL_LOADED, (event) => events.push(event));
    hls.on(Hls.Events.ERROR, (_event, { details }) => events.push(details));
    await expect.poll(() => fetched.length).toBe(1);
    hls.destroy();
    answer(STITCHED);
    await Promise.resolve();
    expect(events).toEqual([]);
  });

  test("an error of the host's loader is hls.js's to deal with", async () => {
    const { loader } = createHostLoader({ "/master.m3u8": MASTER });
    const hls = play({ loader, pLoader: tap(STITCHED).pLoader });
    const details = await new Promise((resolve) => {
      hls.once(Hls.Events.ERROR, (_event, data) => resolve(data.details));
    });
    expect(details).toBe(Hls.ErrorDetails.LEVEL_LOAD_ERROR);
  });

  test("the players that hls.js makes for interstitials get no ads", async () => {
    const { loader } = createHostLoader(CONTENT);
    const { pLoader, fetched } = tap(STITCHED);
    const loaded = await levelLoaded(play({ loader, pLoader, assetPlayerId: "asset" }));
    expect(listUrls(loaded)).toEqual([`${HOST}/a.ts`, `${HOST}/b.ts`]);
    expect(fetched).toEqual([]);
  });

  test("CMCD, which wraps playlist loaders itself, does not put it out of work", async () => {
    const { loader } = createHostLoader({ "/master.m3u8": MASTER, "/media.m3u8": MEDIA });
    const hls = play({ loader, pLoader: tap(STITCHED).pLoader, cmcd: { useHeaders: true } });
    expect(listUrls(await levelLoaded(hls))).toContain(`${HOST}/ad.ts`);
  });
});

describe("createAdInsertion in hls.js", () => {
  test("wrong options cost the page nothing but its ads", async () => {
    const ads = createAdInsertion({ zoneUrl: "javascript:alert(1)", adTagUrl: "/ads" });
    const errors: string[] = [];
    ads.on("error", ({ fatal, code }) => errors.push(`${code} ${fatal ? "fatal" : ""}`));
    const { loader } = createHostLoader(CONTENT);
    const hls = new Hls({ ...ads.hlsConfig, loader });
    players.push(hls);
    ads.attach(hls);
    hls.loadSource(`${HOST}/master.m3u8`);
    expect(listUrls(await levelLoaded(hls))).toEqual([`${HOST}/a.ts`, `${HOST}/b.ts`]);
    await expect(ads.ready).rejects.toMatchObject({ code: "option-invalid" });
    expect(errors).toEqual(["option-invalid fatal"]);
    expect([ads.breaks, ads.contentTime]).toEqual([[], 0]);
  });

  const attachTo = (config: (ads: ReturnType<typeof createAdInsertion>) => Partial<HlsConfig>): boolean => {
    const ads = createAdInsertion({ zoneUrl: "https://nowhere.invalid/1.json" });
    ads.ready.catch(() => undefined);
    const hls = new Hls(config(ads));
    players.push(hls);
    const before = hls.config.pLoader;
    ads.attach(hls);
    expect(new Set([before, ads.hlsConfig.pLoader])).toContain(hls.config.pLoader);
    return hls.config.pLoader === before;
  };

  test("a pLoader of the page's own that leaves the plugin out, and a configuration without any, are set right", () => {
    const { pLoader } = tap(STITCHED);
    expect(attachTo((ads) => ({ ...ads.hlsConfig, pLoader }))).toBe(false);
    expect(attachTo(() => ({}))).toBe(false);
  });

  test("a pLoader that hands on to the plugin's stays: CMCD's, and one of the page", () => {
    expect(attachTo((ads) => ({ ...ads.hlsConfig, cmcd: { useHeaders: true } }))).toBe(true);
    expect(attachTo((ads) => ({ pLoader: class extends ads.hlsConfig.pLoader {} }))).toBe(true);
  });

  test("another source in the same hls.js plays as it came, and is told as an error", async () => {
    const ads = createAdInsertion({ zoneUrl: "https://nowhere.invalid/1.json" });
    ads.ready.catch(() => undefined);
    const messages: string[] = [];
    const hls = new Hls({ ...ads.hlsConfig, ...createHostLoader({ ...CONTENT, "/other.m3u8": MASTER }) });
    players.push(hls);
    ads.attach(hls);
    hls.loadSource(`${HOST}/master.m3u8`);
    await levelLoaded(hls);
    ads.on("error", ({ message }) => messages.push(message));
    const loaded = levelLoaded(hls);
    hls.loadSource(`${HOST}/other.m3u8`);
    expect(listUrls(await loaded)).toEqual([`${HOST}/a.ts`, `${HOST}/b.ts`]);
    expect(messages.filter((message) => message.includes("one content per insertion"))).toHaveLength(1);
  });

  test("seekTo what is no time leaves the player where it is", async () => {
    const ads = createAdInsertion({ zoneUrl: "https://nowhere.invalid/1.json" });
    const hls = new Hls({ ...ads.hlsConfig });
    players.push(hls);
    ads.attach(hls);
    const video = document.createElement("video");
    hls.attachMedia(video);
    await ads.ready.catch(() => undefined);
    for (const time of [Number.NaN, Infinity]) expect(() => ads.seekTo(time)).not.toThrow();
    ads.seekTo(3);
    expect(video.currentTime).toBe(3);
  });

  test("hls.js's destroy ends the insertion too", async () => {
    const ads = createAdInsertion({ zoneUrl: "https://nowhere.invalid/1.json" });
    ads.ready.catch(() => undefined);
    const events: string[] = [];
    ads.on("error", ({ code }) => events.push(code));
    const hls = new Hls({ ...ads.hlsConfig });
    ads.attach(hls);
    hls.destroy();
    await ads.ready.catch(() => undefined);
    expect(events).toEqual([]);
  });
});
