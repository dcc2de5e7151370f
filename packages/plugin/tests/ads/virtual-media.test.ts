import { describe, expect, test } from "vitest";
import {
  createVirtualMediaShelf,
  loadVirtual,
  VIRTUAL_ORIGIN,
  type VirtualMedia,
  type VirtualMediaShelf,
} from "../../src/ads/virtual-media.ts";

const never = new AbortController().signal;

interface Placed {
  readonly shelf: VirtualMediaShelf;
  /** Paths that were loaded, and `release`. */
  readonly told: readonly string[];
}

/** Creative `one` on a shelf. */
function place(shelf = createVirtualMediaShelf()): Placed {
  const told: string[] = [];
  const media: VirtualMedia = {
    load: async (path) => {
      told.push(path);
      return { bytes: new ArrayBuffer(3), networkBytes: 0, networkMs: 0, ttfbMs: 0 };
    },
    release: () => told.push("release"),
  };
  shelf.add("one", media);
  return { shelf, told };
}

const load = (shelf: VirtualMediaShelf, path: string): Promise<unknown> =>
  loadVirtual(shelf, `${VIRTUAL_ORIGIN}/${path}`, never, () => undefined);

describe("createVirtualMediaShelf", () => {
  test("an address is of the creative that it names, without the query that a player hangs on it", async () => {
    const { shelf, told } = place();
    await load(shelf, "one/main.m3u8?_HLS_primary_id=x");
    await load(shelf, "one/a0.m4s");
    expect(told).toEqual(["main.m3u8", "a0.m4s"]);
  });

  test("an address that is real, or of nobody, is none of its own", async () => {
    const { shelf } = place();
    expect(shelf.find("https://site.example/one/0.ts")).toBeUndefined();
    await expect(load(shelf, "two/0.ts")).rejects.toThrow(
      "two/0.ts: expected a creative that is still there, got none",
    );
  });

  test("what no playlist lists is let go, once", () => {
    const { shelf, told } = place();
    expect(shelf.isEmpty()).toBe(false);
    shelf.remove("one");
    shelf.remove("one");
    expect([told, shelf.isEmpty(), shelf.find(`${VIRTUAL_ORIGIN}/one/0.ts`)]).toEqual([["release"], true, undefined]);
  });

  test("once the player has gone everything is let go, and what comes later too", () => {
    const { shelf, told } = place();
    shelf.release();
    const late = place(shelf);
    expect([told, late.told, shelf.isEmpty(), shelf.released.aborted]).toEqual([["release"], ["release"], true, true]);
  });
});
