import { describe, expect, test } from "vitest";
import { CONTENTS } from "../src/catalog.ts";
import { formatShared, isCatalogue, readChoice, readShared, type Shared } from "../src/choice.ts";
import { toContentTime, toStreamTime } from "../src/content-time.ts";
import { formatBootstrapUrl, listIngredients, splitBootstrapUrl } from "../src/manifest/bootstrap.ts";
import { createPositions } from "../src/positions.ts";

function read(query: string): Shared {
  return readShared(new URLSearchParams(query));
}

describe("a share link", () => {
  test.each([
    "content=vod&creative=mp4&cdn=a",
    "content=evening&creative=flv&cdn=b&workflow=server&policy=free&t=12",
    "content=live&creative=hls&cdn=a&policy=strict",
  ])("%s is what it brings back", (query) => {
    expect(formatShared(read(query))).toBe(query);
  });

  test("an asset alone brings the ad that was sold into it", () => {
    expect(read("content=evening").choice.creative.id).toBe("webm");
  });

  test.each(["-3", "1e9", "60", "x", "", "12.5"])("a film of 60 s does not begin at %j", (t) => {
    expect(read(`content=vod&t=${t}`).position).toBe(0);
  });

  test("live content is where it is", () => {
    expect(read("content=live&t=12").position).toBe(0);
    expect(formatShared({ ...read("content=live"), position: 12 })).not.toContain("&t=");
  });

  test("without an asset, or with one that is not in the catalogue, it is the catalogue's", () => {
    const queries = ["", "workflow=server", "content=gone", "content=live"];
    expect(queries.map((query) => isCatalogue(new URLSearchParams(query)))).toEqual([true, true, true, false]);
  });
});

describe("the position in a film", () => {
  const film = CONTENTS.find(({ id }) => id === "vod") ?? expect.fail("catalog.json has no film");
  const live = CONTENTS.find(({ isLive }) => isLive) ?? expect.fail("catalog.json has no live channel");

  function memory(text: string | null = null) {
    const kept = { text };
    const setItem = (_key: string, next: string): void => void (kept.text = next);
    return { kept, storage: { getItem: () => kept.text, setItem } };
  }

  test("is there for the next page", () => {
    const { storage } = memory();
    createPositions(storage).keep(film, 23.4);
    expect(createPositions(storage).read(film)).toBe(23.4);
  });

  test("is forgotten when the film is through, or was barely begun", () => {
    const positions = createPositions(memory().storage);
    for (const [second, kept] of [
      [23, 23],
      [58, 0],
      [30, 30],
      [4, 0],
      [Number.NaN, 0],
    ] as const) {
      positions.keep(film, second);
      expect(positions.read(film)).toBe(kept);
    }
  });

  test("live has none", () => {
    const { kept, storage } = memory();
    createPositions(storage).keep(live, 23);
    expect([kept.text, createPositions(storage).read(live)]).toEqual([null, 0]);
  });

  test.each(["no JSON", "[]", "3", '{"vod":"20"}', '{"vod":1e9}', '{"vod":-1}'])(
    "%s in the storage is no position, and is written over",
    (text) => {
      const { storage } = memory(text);
      const positions = createPositions(storage);
      expect(positions.read(film)).toBe(0);
      positions.keep(film, 20);
      expect(positions.read(film)).toBe(20);
    },
  );

  test("lasts as long as the page where the browser keeps nothing", () => {
    const refuse = (): never => {
      throw new Error("forbidden");
    };
    for (const storage of [undefined, { getItem: refuse, setItem: refuse }]) {
      const positions = createPositions(storage);
      positions.keep(film, 20);
      expect(positions.read(film)).toBe(20);
    }
  });
});

describe("seconds of the film", () => {
  const breaks = [
    { state: "placed", contentTime: 0, startTime: 0, duration: 10 },
    { state: "skipped", contentTime: 15, startTime: 25, duration: 0 },
    { state: "placed", contentTime: 20, startTime: 30, duration: 10 },
  ] as const;

  test.each([
    [5, 0],
    [10, 0],
    [25, 15],
    [29, 19],
    [35, 20],
    [41, 21],
  ])("second %d of the stream is second %d of the film", (stream, content) => {
    expect(toContentTime(stream, breaks)).toBe(content);
  });

  test("and back, behind the ads that come there", () => {
    expect([0, 15, 20, 21].map((second) => toStreamTime(second, breaks))).toEqual([10, 25, 40, 41]);
    expect(toStreamTime(12, [])).toBe(12);
  });
});

describe("how the bootstrap URL comes to be", () => {
  const choice = readChoice(new URLSearchParams("content=evening&creative=mp4&cdn=b"));
  const url = formatBootstrapUrl(choice, "http://x:8080/?content=evening", "v1");
  const pieces = splitBootstrapUrl(url);

  test("its pieces are the whole of it", () => {
    expect(pieces.map(({ text }) => text).join("")).toBe(url.href);
  });

  test("each piece says what it comes from", () => {
    const of = (kind: string) => pieces.filter((piece) => piece.kind === kind).map(({ text }) => text);
    expect(of("server")).toEqual(["http://x:8080/auditude/variant/"]);
    expect(of("asset")).toEqual(["evening", "u=evening"]);
    expect(of("zone")).toEqual(["z=1"]);
    expect(of("ads")).toEqual(["schedule=pre", "li=mp4"]);
    expect(of("content").map((text) => Buffer.from(text, "base64url").toString())).toEqual([
      "http://x:8080/media/evening/master.m3u8",
    ]);
  });

  test("every kind of piece has an ingredient", () => {
    const kinds = new Set(pieces.flatMap(({ kind }) => kind ?? []));
    expect(new Set(listIngredients(choice, "http://x:8080/").map(({ kind }) => kind))).toEqual(kinds);
  });
});
