import { describe, expect, test } from "vitest";
import type { FetchedPlaylist } from "../../src/content/content.ts";
import type { Vhs, VhsCallback, VhsMain, VhsRequest, VhsRequestOptions, VhsXhr } from "../../src/hosts/vhs-engine.ts";
import { createPlaylistGate, describeVhsPlaylist, type PlaylistGate } from "../../src/hosts/vhs-playlists.ts";

const MASTER = "https://site.example/film/master.m3u8";
const MEDIA = "#EXTM3U\n#EXTINF:4,\na.ts\n";

interface Call {
  readonly options: VhsRequestOptions;
  readonly answer: (error: unknown, members?: Partial<VhsRequest>) => void;
  readonly request: VhsRequest;
}

interface Gated {
  readonly vhs: Vhs;
  readonly gate: PlaylistGate;
  readonly calls: Call[];
  readonly masters: string[];
  readonly stitched: FetchedPlaylist[];
  /** What VHS is told: error and text. */
  readonly told: (readonly [unknown, string])[];
  readonly ask: (uri: string, requestType?: string) => VhsRequest;
}

/** VHS's own request function, answered by hand; the plugin puts its name behind each media playlist. */
function createGated(main?: VhsMain): Gated {
  const calls: Call[] = [];
  const own: VhsXhr = (options, callback) => {
    const request: { aborted?: boolean } & VhsRequest = {
      responseText: "",
      responseURL: options.uri,
      response: "",
      responseType: "",
      abort: () => {
        request.aborted = true;
      },
    };
    const answer: Call["answer"] = (error, members) => callback(error, Object.assign(request, members));
    calls.push({ options, answer, request });
    return request;
  };
  const playlists = { state: "", media: () => undefined, on: () => undefined, off: () => undefined };
  const vhs: Vhs = { xhr: own, playlists: { ...playlists, ...(main && { main }) } };
  const [masters, stitched, told]: [string[], FetchedPlaylist[], (readonly [unknown, string])[]] = [[], [], []];
  const gate = createPlaylistGate(vhs, {
    readMaster: (text) => void masters.push(text),
    stitch: async (fetched) => {
      stitched.push(fetched);
      return `${fetched.text}# with ads`;
    },
  });
  const callback: VhsCallback = (error, { responseText }) => void told.push([error, responseText]);
  const ask: Gated["ask"] = (uri, requestType = "hls-playlist") => vhs.xhr({ uri, requestType }, callback);
  return { vhs, gate, calls, masters, stitched, told, ask };
}

const settle = (): Promise<void> => new Promise((resolve) => queueMicrotask(() => queueMicrotask(resolve)));

describe("createPlaylistGate", () => {
  test("a media playlist reaches VHS when the ads are in it, and not before", async () => {
    const { ask, calls, told } = createGated();
    ask("https://site.example/film/720.m3u8");
    calls[0]?.answer(null, { responseText: MEDIA });
    expect(told).toEqual([]);
    await settle();
    expect(told).toEqual([[null, `${MEDIA}# with ads`]]);
  });

  test("a master playlist is read, and goes on at once as it came", () => {
    const { ask, calls, told, masters, stitched } = createGated();
    ask(MASTER);
    calls[0]?.answer(null, { responseText: "#EXTM3U\n" });
    expect([told, masters, stitched]).toEqual([[[null, "#EXTM3U\n"]], ["#EXTM3U\n"], []]);
  });

  test("errors and time-outs are VHS's own, untouched", () => {
    const { ask, calls, told, stitched } = createGated();
    ask(MASTER);
    calls[0]?.answer("404", { responseText: MEDIA });
    expect([told, stitched]).toEqual([[["404", MEDIA]], []]);
  });

  test("a playlist that VHS gave up while its ads were on the way does not come any more", async () => {
    const { ask, calls, told } = createGated();
    const request = ask(MASTER);
    calls[0]?.answer(null, { responseText: MEDIA });
    request.abort();
    await settle();
    expect(told).toEqual([]);
  });

  test("VHS is idle when it has been given all that it wants: answers, not what it gave up", async () => {
    const { ask, calls, gate } = createGated();
    ask("https://site.example/film/720.m3u8");
    const segment = ask("https://site.example/film/1.ts", "segment");
    expect(gate.isIdle()).toBe(false);
    segment.abort();
    calls[0]?.answer(null, { responseText: MEDIA });
    expect([gate.isIdle(), calls[1]?.request.aborted]).toEqual([false, true]);
    await settle();
    expect(gate.isIdle()).toBe(true);
  });

  test("hooks that others set are those of VHS's own request function", () => {
    const own = Object.assign((): never => expect.unreachable(), { onRequest: "a hook" });
    const vhs: Vhs = { xhr: own };
    createPlaylistGate(vhs, { readMaster: () => undefined, stitch: async ({ text }) => text });
    expect(Reflect.get(vhs.xhr, "onRequest")).toBe("a hook");
    Object.assign(vhs.xhr, { onResponse: "another" });
    expect(Reflect.get(own, "onResponse")).toBe("another");
  });

  test("a player that outlives the plugin gets playlists that agree with those that it has, and guards nothing", async () => {
    const { ask, calls, gate, told } = createGated();
    gate.guard = () => true;
    gate.release();
    ask("https://site.example/film/1080.m3u8");
    calls[0]?.answer(null, { responseText: MEDIA });
    ask("https://site.example/film/1.ts", "segment");
    calls[1]?.answer("404");
    await settle();
    expect(told).toEqual([
      ["404", ""],
      [null, `${MEDIA}# with ads`],
    ]);
  });

  test("a redirected playlist is known by the address that VHS has, and its base is the one that answered", async () => {
    const { ask, calls, gate } = createGated({ uri: MASTER, playlists: [{ uri: "720.m3u8" }] });
    ask("https://site.example/film/720.m3u8");
    calls[0]?.answer(null, { responseText: MEDIA, responseURL: "https://cdn.example/x/720.m3u8?_HLS_msn=7&token=1" });
    await settle();
    expect(gate.find({ uri: "720.m3u8" })?.url.href).toBe("https://cdn.example/x/720.m3u8?token=1");
  });

  test("a segment that the guard takes is not told to VHS, and is asked for again while VHS still wants it", () => {
    const { ask, calls, gate, told } = createGated();
    gate.guard = (_options, error, _request, retry) => {
      if (error) retry();
      return Boolean(error);
    };
    const request = ask("https://cdn.example/ad/1.ts", "segment");
    calls[0]?.answer("404");
    expect([calls.length, told.length]).toEqual([2, 0]);
    request.abort();
    expect(calls[1]?.request.aborted).toBe(true);
    calls[1]?.answer("aborted");
    expect([calls.length, told.length]).toEqual([2, 1]);
  });
});

describe("describeVhsPlaylist", () => {
  const main: VhsMain = {
    uri: MASTER,
    playlists: [{ uri: "720.m3u8", attributes: { BANDWIDTH: 2_000_000 } }, { uri: "audio/only.m3u8" }],
    mediaGroups: {
      AUDIO: { aac: { English: { uri: "audio/en.m3u8" }, French: { uri: "audio/fr.m3u8" }, Muxed: {} } },
      SUBTITLES: { subs: { English: { uri: "subs/en.m3u8" } } },
    },
  };
  const kindOf = (path: string): readonly unknown[] => {
    const url = new URL(path, MASTER);
    const { content, trackKey } = describeVhsPlaylist(MEDIA, url, url.href, main);
    return [content.kind, content.bandwidthBps, trackKey];
  };

  test("tells variants, audio and subtitles apart by the master playlist, each a track of its own", () => {
    expect(["720.m3u8", "audio/fr.m3u8", "subs/en.m3u8"].map(kindOf)).toEqual([
      ["main", 2_000_000, "main https://site.example/film/720.m3u8"],
      ["audio", undefined, "audio https://site.example/film/audio/fr.m3u8"],
      ["subtitles", undefined, "subtitles https://site.example/film/subs/en.m3u8"],
    ]);
  });

  test("a variant of sound alone is main content, and so is a playlist that no master lists", () => {
    expect(["audio/only.m3u8", "elsewhere.m3u8"].map((path) => kindOf(path)[0])).toEqual(["main", "main"]);
  });
});

test("a group of a type that every object has a member of is as good as any other", () => {
  const main: VhsMain = { uri: MASTER, playlists: [], mediaGroups: { constructor: { a: { b: { uri: "x.m3u8" } } } } };
  const address = "https://site.example/film/x.m3u8";
  expect(describeVhsPlaylist(MEDIA, new URL(address), address, main).content.kind).toBe("main");
});
