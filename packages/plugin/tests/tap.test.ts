/** Where playlists pass: whatever is missing or broken behind it, the content goes on. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { FetchedPlaylist } from "../src/content/content.ts";
import type { AdInsertionEvents } from "../src/events.ts";
import type { LoadedParts } from "../src/parts.ts";
import { createTap } from "../src/tap.ts";
import { createFakeWeb, formatVod, HOST } from "./fake-web.ts";
import { startViewing } from "./fake-viewing.ts";

const fetchedOf = (text: string, track = "720"): FetchedPlaylist => ({
  text,
  content: { url: new URL(`${HOST}/content/${track}.m3u8`), bandwidthBps: undefined, kind: "main" },
  trackKey: track,
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a part of the plugin that never comes", () => {
  const open = (
    loading: Promise<LoadedParts | undefined>,
  ): { readonly tap: ReturnType<typeof createTap>; readonly errors: AdInsertionEvents["error"][] } => {
    const errors: AdInsertionEvents["error"][] = [];
    const tap = createTap({
      loading,
      emit: (_name, event) => {
        if ("fatal" in event) errors.push(event);
      },
      isAttached: () => Promise.resolve(true),
      onOtherContent: () => undefined,
      ended: new AbortController().signal,
    });
    return { tap, errors };
  };

  test("holds up the content for three seconds, and no playlist after that", async () => {
    const { tap, errors } = open(new Promise(() => undefined));
    const first = tap.stitch(fetchedOf(formatVod(3)));
    await vi.advanceTimersByTimeAsync(3000);
    expect(await first).toBe(formatVod(3));
    expect(errors).toMatchObject([{ fatal: true, code: "upstream-timeout" }]);
    expect(await tap.stitch(fetchedOf(formatVod(3), "360"))).toBe(formatVod(3));
    expect(errors).toHaveLength(1);
  });

  test("costs live content its ads until it comes", async () => {
    const live = formatVod(3).replace("#EXT-X-ENDLIST\n", "").replace("#EXT-X-PLAYLIST-TYPE:VOD\n", "");
    const { session, timeline } = startViewing(createFakeWeb({})).parts;
    let come: (parts: LoadedParts) => void = () => undefined;
    const { tap, errors } = open(new Promise((resolve) => (come = resolve)));
    const first = tap.stitch(fetchedOf(live));
    await vi.advanceTimersByTimeAsync(3000);
    expect(await first).toBe(live);
    expect(errors).toMatchObject([{ fatal: false }]);
    const stitch = (): ReturnType<typeof session.stitch> =>
      Promise.resolve({ text: "stitched", breaks: [], refused: [] });
    come({ ...startViewing(createFakeWeb({})).parts, session: { ...session, stitch }, timeline });
    expect(await tap.stitch(fetchedOf(live))).toBe("stitched");
  });
});
