import { describe, expect, test } from "vitest";
import { createFakeWeb, formatVast, formatVmap, formatVod, HOST, ZONE } from "../fake-web.ts";
import { startViewing, type Viewing } from "../fake-viewing.ts";

const ERRORS = "/e?number=[ERRORCODE]&serving=[ADSERVINGID]&id=[UNIVERSALADID]&pod=[PODSEQUENCE]&place=[ADCOUNT]";

/** One ad with a serving id and a universal ad id. */
function formatAd(type: "application/x-mpegURL" | "video/3gpp"): string {
  return formatVast({ id: "one", sequence: 3, type, url: `${HOST}/ad/media.m3u8` })
    .replace(/<Error>.*?<\/Error>/, `<Error><![CDATA[${HOST}${ERRORS}&at=[MEDIAPLAYHEAD]]]></Error>`)
    .replace("<AdTitle>", "<AdServingId>serving-1</AdServingId><AdTitle>")
    .replace("<Linear>", '<UniversalAdId idRegistry="ad-id.org">CNPA0484</UniversalAdId><Linear>');
}

async function play(vast: string): Promise<{ readonly viewing: Viewing; readonly beacons: readonly string[] }> {
  const web = createFakeWeb({
    "/v1/zones/1.json": ZONE,
    "/ads/vmap": { text: formatVmap([{ at: "00:00:08", id: "mid", vast }]) },
    "/ad/media.m3u8": { text: formatVod(2, 4, "ad") },
  });
  const viewing = startViewing(web, { adTagUrl: "/ads/vmap", lookAhead: false });
  await viewing.play(formatVod(5));
  return { viewing, beacons: web.beacons };
}

describe("the error URL of an ad that was never on screen", () => {
  test("is told which ad it was, and where its break stands", async () => {
    const { beacons } = await play(formatAd("video/3gpp"));
    expect(beacons).toEqual([
      `${HOST}/e?number=403&serving=serving-1&id=ad-id.org%20CNPA0484&pod=3&place=-1&at=00%3A00%3A08.000`,
    ]);
  });

  test("is told its place too, where it had one", async () => {
    const { viewing, beacons } = await play(formatAd("application/x-mpegURL"));
    viewing.session.refuse("mid", 0, "media-unavailable");
    expect(beacons).toEqual([
      `${HOST}/e?number=401&serving=serving-1&id=ad-id.org%20CNPA0484&pod=3&place=1&at=00%3A00%3A08.000`,
    ]);
  });
});
