/** The catalogue against what the demo really has: its media recipes and its campaign file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseCampaigns } from "@interlude/server/config";
import { formatExcerpt } from "../excerpt.ts";
import { listRecipes } from "../recipes.ts";
import { CONTENTS, CREATIVES } from "../src/catalog.ts";

const file = join(import.meta.dirname, "../campaigns.json");
const campaigns = parseCampaigns(readFileSync(file, "utf8"), file);
const made = new Set(listRecipes(undefined).map(({ path }) => `/media/${path}`));

describe("each asset of the catalogue", () => {
  test.each(CONTENTS.map((content) => [content.id, content] as const))("%s has its film and its poster", (_id, one) => {
    expect([...made]).toContain(one.poster);
    const folder = one.isLive ? "/media/content" : one.url.replace(/\/master\.m3u8$/, "");
    expect([...made].some((path) => path === folder || path === one.url)).toBe(true);
  });

  test.each(CONTENTS.map((content) => [content.id, content] as const))(
    "%s names the breaks that it gets",
    (_id, one) => {
      const schedule = new URL(one.adTag, "http://x").searchParams.get("schedule");
      const breaks = schedule === null ? [] : (campaigns.schedules.get(schedule) ?? []);
      const secondOf = (offset: string): number => {
        if (offset === "start" || offset === "end") return offset === "start" ? 0 : one.duration;
        return offset.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
      };
      const seconds = breaks.map(({ timeOffset }) => secondOf(timeOffset));
      expect(one.breaks).toEqual(seconds);
      expect(CREATIVES.map(({ id }) => id)).toContain(one.creative);
    },
  );
});

const FILM = `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-PLAYLIST-TYPE:VOD
#EXTINF:4.000000,
000.ts
#EXTINF:4.000000,
001.ts
#EXTINF:2.000000,
002.ts
#EXT-X-ENDLIST
`;

describe("an excerpt", () => {
  test("lists some of the film's segments where they are, from media sequence 0", () => {
    expect(formatExcerpt(FILM, { first: 1, count: 1 }, "../film/").split("\n")).toEqual([
      "#EXTM3U",
      "#EXT-X-VERSION:3",
      "#EXT-X-TARGETDURATION:4",
      "#EXT-X-MEDIA-SEQUENCE:0",
      "#EXT-X-PLAYLIST-TYPE:VOD",
      "#EXTINF:4.000000,",
      "../film/001.ts",
      "#EXT-X-ENDLIST",
      "",
    ]);
  });

  test("ends with the film", () => {
    expect(formatExcerpt(FILM, { first: 2, count: 5 }, "").match(/#EXTINF/g)).toHaveLength(1);
  });
});
