import { describe, expect, test } from "vitest";
import { dressAnswer } from "../../../src/ads/relay/dress-answer.ts";
import { readTree } from "../../../src/ads/relay/read-tree.ts";
import { formatTree } from "../../../src/ads/relay/xml-tree.ts";

const COPY = "https://cdn.example/copy.m3u8";

async function dress(attributes: string): Promise<string> {
  const vast =
    `<VAST version="3.0"><Ad id="1"><InLine><Creatives><Creative><Linear><Duration>00:00:10</Duration><MediaFiles>` +
    `<MediaFile delivery="progressive" type="video/mp4"${attributes}>https://ads.example/a.mp4</MediaFile>` +
    `</MediaFiles></Linear></Creative></Creatives></InLine></Ad></VAST>`;
  const root = await dressAnswer(readTree(vast, 100_000), {
    mode: "only",
    mediaTypes: [],
    findCopy: async () => COPY,
    giveTicket: () => undefined,
  });
  return /<MediaFile [^>]*>/.exec(formatTree(root))?.[0] ?? "";
}

describe("the copy of a media file", () => {
  test("has its size", async () => {
    expect(await dress(' width="640" height="360"')).toContain(' width="640" height="360"');
  });

  test("has no size where that says none: by 0 × 0 players would leave it out", async () => {
    expect(await dress("")).toBe('<MediaFile delivery="streaming" type="application/x-mpegURL">');
    expect(await dress(' width="0" height="0"')).toBe('<MediaFile delivery="streaming" type="application/x-mpegURL">');
  });
});
