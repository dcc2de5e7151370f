/** DESIGN §4 step 4, `remux`: from the ad server's answer to segments that the page makes, with CRS off. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EncounterEvent } from "../../src/events.ts";
import type { VirtualMediaShelf } from "../../src/ads/virtual-media.ts";
import { startViewing, type Viewing } from "../fake-viewing.ts";
import { createFakeWeb, type FakeWeb, formatVast, formatVmap, formatVod, ZONE } from "../fake-web.ts";
import { makeMedia, runFfmpeg } from "./probed-media.ts";
import { type RangeServer, serveRanges } from "./range-server.ts";

const CONTENT = formatVod(15);

let folder = "";
let server: RangeServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interlude-encounter-"));
  makeMedia(folder, "cold.mp4", ["-g", "50", "-c:a", "aac", "-movflags", "+faststart"], 4);
  runFfmpeg("-i", join(folder, "cold.mp4"), "-c:v", "copy", "-c:a", "libmp3lame", join(folder, "mp3.mp4"));
  server = await serveRanges(folder);
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

interface Played {
  readonly web: FakeWeb;
  readonly viewing: Viewing;
  readonly encounters: readonly EncounterEvent[];
  readonly shelf: () => VirtualMediaShelf | undefined;
}

const urlOf = (name: string): string => server.urlOf(name).href;
const cold = (id: string, name = "cold.mp4"): string => formatVast({ id, url: urlOf(name) });

/** Nothing is on the CDN, and nobody repackages. */
function watch(vmap: string, serve?: () => Promise<void>): Played {
  const web = createFakeWeb({
    "/v1/zones/1.json": ZONE,
    "/ads/vmap": { text: vmap },
    "/ads/repackage": { status: 503 },
  });
  let shelf: VirtualMediaShelf | undefined;
  const serveVirtual = async (given: VirtualMediaShelf): Promise<void> => {
    await serve?.();
    shelf = given;
  };
  const options = { adTagUrl: "/ads/vmap", firstEncounter: ["remux", "skip"], lookAhead: false } as const;
  const viewing = startViewing(web, { ...options, waitBudgetMs: 20_000 }, { canBindLate: false, serveVirtual });
  const encounters: EncounterEvent[] = [];
  viewing.on("adencounter", (event) => encounters.push(event));
  return { web, viewing, encounters, shelf: () => shelf };
}

const listVirtual = (text: string): readonly string[] => text.split("\n").filter((line) => line.includes(".invalid/"));

describe("a cold MP4, CRS off", () => {
  test("is spliced at its first encounter as segments that the player gets from the page", async () => {
    const { viewing, encounters, shelf } = watch(formatVmap([{ at: "start", id: "pre", vast: cold("one") }]));
    const text = await viewing.play(CONTENT);
    const segments = listVirtual(text);
    expect(segments.length).toBeGreaterThan(1);
    expect(encounters).toMatchObject([
      { adId: "one", step: "remux", outcome: "ready", creativeUrl: urlOf("cold.mp4") },
    ]);
    expect(viewing.skips).toEqual([]);
    const load = shelf()?.find(segments[0] ?? "");
    const { bytes } = (await load?.(new AbortController().signal, () => undefined)) ?? {};
    expect(new Uint8Array(bytes ?? new ArrayBuffer(0))[0]).toBe(0x47);
    expect(viewing.session.entries()[0]?.ads).toMatchObject([{ encounter: "remux", mediaUrl: urlOf("cold.mp4") }]);
    viewing.end();
    shelf()?.release();
  });

  test("is played to its end by a player that lives longer than the insertion, and goes with that player", async () => {
    const { viewing, shelf } = watch(formatVmap([{ at: "start", id: "pre", vast: cold("one") }]));
    const segments = listVirtual(await viewing.play(CONTENT));
    viewing.end();
    const all = segments.map((url) => shelf()?.find(url)?.(new AbortController().signal, () => undefined));
    const sizes = (await Promise.all(all)).map((segment) => segment?.bytes.byteLength ?? 0);
    expect(sizes.map((size) => size % 188)).toEqual(segments.map(() => 0));
    expect(Math.min(...sizes)).toBeGreaterThan(188);
    expect(listVirtual(await viewing.play(CONTENT, { track: "1080" }))).toEqual(segments);
    shelf()?.release();
    expect(shelf()?.find(segments[0] ?? "")).toBeUndefined();
  });

  test("of two breaks is read once", async () => {
    const before = server.asked.length;
    const { viewing } = watch(
      formatVmap([
        { at: "start", id: "pre", vast: cold("one") },
        { at: "00:00:01", id: "soon", vast: cold("two") },
      ]),
    );
    const segments = listVirtual(await viewing.play(CONTENT));
    expect(segments.length).toBe(2 * new Set(segments).size);
    expect(server.asked.slice(before).filter((range) => range.startsWith("cold.mp4 0-"))).toHaveLength(1);
    viewing.end();
  });

  test("that cannot be remuxed is skipped, with what is wrong with it, and the content is untouched", async () => {
    const { viewing, encounters } = watch(formatVmap([{ at: "start", id: "pre", vast: cold("one", "mp3.mp4") }]));
    expect(await viewing.play(CONTENT)).toBe(CONTENT);
    expect(encounters).toMatchObject([{ step: "remux", outcome: "unsupported-media-file" }]);
    expect(viewing.skips).toMatchObject([
      { adId: "one", reason: "unsupported-media-file", vastError: 403, message: expect.stringContaining("remux: ") },
    ]);
    viewing.end();
  });

  test("costs the content nothing where the player's part for it does not load", async () => {
    const { viewing } = watch(formatVmap([{ at: "start", id: "pre", vast: cold("one") }]), () =>
      Promise.reject(new Error("blocked by the page's policy")),
    );
    expect(await viewing.play(CONTENT)).toBe(CONTENT);
    expect(viewing.skips).toMatchObject([{ message: expect.stringContaining("blocked by the page's policy") }]);
    viewing.end();
  });
});
