import { describe, expect, test } from "vitest";
import { VIRTUAL_ORIGIN } from "../../src/ads/virtual-media.ts";
import type { Vhs, VhsPlaylistLoader, VhsRequest, VhsXhr } from "../../src/hosts/vhs-engine.ts";
import { createPlaylistGate } from "../../src/hosts/vhs-playlists.ts";
import { createVirtualRequests } from "../../src/hosts/vhs-virtual-segments.ts";
import { createFakeShelf, type FakeShelf, SEGMENT, settle } from "./fake-shelf.ts";

interface Stage {
  readonly shelf: FakeShelf;
  readonly vhs: Vhs;
  readonly release: () => void;
  /** VHS's source is disposed of. */
  readonly dispose: () => void;
  /** Of VHS's own requests. */
  readonly asked: readonly string[];
  /** What VHS is told: errors, and events of the request. */
  readonly told: readonly unknown[];
  readonly ask: (uri: string, requestType?: string) => VhsRequest;
}

/** VHS with a gate around its requests, and a shelf behind it. */
function createStage(): Stage {
  const asked: string[] = [];
  const own: VhsXhr = ({ uri }) => {
    asked.push(uri);
    return { responseText: "", responseURL: uri, response: "", responseType: "", abort: () => undefined };
  };
  const onDispose: (() => void)[] = [];
  const playlists: VhsPlaylistLoader = {
    state: "HAVE_METADATA",
    media: () => undefined,
    on: (event, listener) => void (event === "dispose" && onDispose.push(listener)),
    off: () => undefined,
  };
  const vhs: Vhs = { xhr: own, bandwidth: 4_194_304, playlists };
  const shelf = createFakeShelf();
  const gate = createPlaylistGate(vhs, { readMaster: () => undefined, stitch: async ({ text }) => text });
  gate.virtual = createVirtualRequests(vhs, shelf);
  const told: unknown[] = [];
  const ask: Stage["ask"] = (uri, requestType = "segment") => {
    const request = vhs.xhr({ uri, requestType }, (error) => void told.push(error));
    if (request instanceof EventTarget) {
      request.addEventListener("loadend", ({ target }) => told.push(`loadend ${target === request}`));
      request.addEventListener("progress", (event) => told.push(Reflect.get(event, "loaded")));
    }
    return request;
  };
  const dispose = (): void => {
    for (const listener of onDispose) listener();
  };
  return { shelf, vhs, release: gate.release, dispose, asked, told, ask };
}

describe("createVirtualRequests", () => {
  test("segments and initialisation segments of the page's come from the shelf, all others from VHS's requests", async () => {
    const { ask, shelf, asked, told } = createStage();
    ask("https://site.example/a.ts");
    ask(`${VIRTUAL_ORIGIN}/one/v.mp4`, "segment-media-initialization");
    const request = ask(SEGMENT);
    for (const one of shelf.asked) await one.make();
    expect([asked, told]).toEqual([["https://site.example/a.ts"], [null, "loadend true", null, "loadend true"]]);
    expect(request).toMatchObject({ status: 200, uri: SEGMENT, responseType: "arraybuffer", aborted: false });
    expect(request.response).toEqual(new Uint8Array([0x47, 1, 2]).buffer);
  });

  test("VHS learns what the network took, not how long a segment that was made ahead was waited for", async () => {
    const { ask, shelf } = createStage();
    const request = ask(SEGMENT);
    await shelf.asked[0]?.make();
    expect(request).toMatchObject({ bandwidth: 1_000_000, roundTripTime: 1000, bytesReceived: 3 });
  });

  test("a segment for which the network gave nothing leaves VHS's bandwidth as it is", async () => {
    const { ask, shelf } = createStage();
    const request = ask(SEGMENT);
    await shelf.asked[0]?.make({ networkBytes: 0, networkMs: 0, ttfbMs: 0 });
    expect(request).toMatchObject({ bandwidth: 4_194_304, roundTripTime: 0 });
  });

  test("while it is read VHS sees how far it is", () => {
    const { ask, shelf, told } = createStage();
    ask(SEGMENT);
    shelf.asked[0]?.progress(10, 100);
    expect(told).toEqual([10]);
  });

  test("a segment that VHS gives up has ended at once, and never comes", async () => {
    const { ask, shelf, told } = createStage();
    const request = ask(SEGMENT);
    request.abort();
    request.abort();
    shelf.asked[0]?.progress(10, 100);
    await shelf.asked[0]?.make();
    expect([shelf.asked[0]?.signal.aborted, request.aborted, request.response, told]).toEqual([
      true,
      true,
      null,
      ["loadend true"],
    ]);
  });

  test("what cannot be made is an error of its request; one that was let go too, and nobody's address is asked", async () => {
    const { ask, shelf, told, asked } = createStage();
    const cause = new Error("moov: expected 8 bytes, got 3");
    ask(SEGMENT);
    await shelf.asked[0]?.fail(cause);
    ask(`${VIRTUAL_ORIGIN}/two/0.ts`);
    await settle();
    expect([told, asked]).toEqual([[cause, "loadend true", expect.any(Error), "loadend true"], []]);
  });

  test("a player that outlives the plugin goes on playing what its playlist lists", async () => {
    const { ask, shelf, release, told, asked } = createStage();
    release();
    ask(SEGMENT);
    ask("https://site.example/720.m3u8", "hls-playlist");
    await shelf.asked[0]?.make();
    expect([told, asked]).toEqual([[null, "loadend true"], ["https://site.example/720.m3u8"]]);
  });

  test("what an earlier insertion has made comes from its own shelf, and what neither has is nobody's", async () => {
    const { ask, shelf, vhs, told, asked } = createStage();
    const gate = createPlaylistGate(vhs, { readMaster: () => undefined, stitch: async ({ text }) => text });
    const later = createFakeShelf();
    gate.virtual = createVirtualRequests(vhs, { ...later, find: () => undefined });
    ask(`${SEGMENT}?_=1`);
    await shelf.asked[0]?.make();
    expect([told, later.asked]).toEqual([[null, "loadend true"], []]);
    ask(`${VIRTUAL_ORIGIN}/two/0.ts`);
    await settle();
    expect([told.slice(2), asked]).toEqual([[expect.any(Error), "loadend true"], []]);
  });

  test("what the page makes outlives the plugin, and goes with VHS's source", () => {
    const { shelf, release, dispose } = createStage();
    release();
    expect(shelf.released.aborted).toBe(false);
    dispose();
    expect(shelf.released.aborted).toBe(true);
  });
});
