import { describe, expect, test } from "vitest";
import { createFakeWeb, formatVod, HOST, ZONE } from "./fake-web.ts";
import { startViewing, type Viewing } from "./fake-viewing.ts";

const TRACK = `${HOST}/t`;

/** As ad servers answer for an interactive campaign. */
function formatInteractive(media: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
    <VAST version="4.2" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
      <Ad id="playable-1"><InLine>
        <AdSystem version="2.1">Exchange</AdSystem><AdTitle>Playable</AdTitle><AdServingId>exchange-1</AdServingId>
        <Error><![CDATA[${TRACK}/error?code=[ERRORCODE]]]></Error>
        <Impression><![CDATA[${TRACK}/impression]]></Impression>
        <Creatives><Creative id="c-1"><Linear><Duration>00:00:15</Duration>
          <AdParameters><![CDATA[{"product":"shoe"}]]></AdParameters>
          <MediaFiles>${media}</MediaFiles>
        </Linear></Creative></Creatives>
      </InLine></Ad>
    </VAST>`;
}

const VPAID = `<MediaFile delivery="progressive" type="application/javascript" width="640" height="360" apiFramework="VPAID">
  <![CDATA[${HOST}/unit/vpaid.js]]></MediaFile>`;
const SIMID = `<InteractiveCreativeFile type="text/html" apiFramework="SIMID" variableDuration="true">
  <![CDATA[${HOST}/unit/simid.html]]></InteractiveCreativeFile>`;
const HLS = `<MediaFile delivery="streaming" type="application/x-mpegURL" width="640" height="360">
  <![CDATA[${HOST}/ad/media.m3u8]]></MediaFile>`;

interface Played {
  readonly viewing: Viewing;
  readonly text: string;
  readonly requests: readonly string[];
  readonly beacons: readonly string[];
}

async function play(media: string): Promise<Played> {
  const { ports, requests, beacons } = createFakeWeb({
    "/v1/zones/1.json": ZONE,
    "/ads/vast": { text: formatInteractive(media) },
    "/ad/media.m3u8": { text: formatVod(2, 4, "ad") },
  });
  const web = { ports, requests, beacons, bodies: [], createPorts: () => ports };
  const viewing = startViewing(web, { adTagUrl: "/ads/vast" });
  const text = await viewing.play(formatVod(15));
  return { viewing, text, requests, beacons };
}

describe("an ad whose only film is an interactive unit", () => {
  test.each([
    ["VPAID", VPAID],
    ["SIMID", SIMID],
    ["VPAID and SIMID", VPAID + SIMID],
  ])("%s is left out as interactive-unsupported, and its error URL is told 403", async (_name, media) => {
    const { viewing, text, requests, beacons } = await play(media);
    expect(viewing.skips.map(({ adId, reason, vastError }) => [adId, reason, vastError])).toEqual([
      ["playable-1", "interactive-unsupported", 403],
    ]);
    expect(beacons).toEqual([`${TRACK}/error?code=403`]);
    expect(text).not.toContain("EXT-X-DISCONTINUITY");
    expect(requests.filter((request) => request.includes("/unit/"))).toEqual([]);
  });
});

describe("an ad that brings a film beside its interactive unit", () => {
  test.each([
    ["VPAID", VPAID],
    ["SIMID", SIMID],
  ])("plays the film, and %s is not loaded", async (_name, unit) => {
    const { viewing, text, requests, beacons } = await play(unit + HLS);
    expect(text.match(/\/ad\/ad-\d\.ts/g)).toHaveLength(2);
    expect(viewing.skips).toEqual([]);
    expect(beacons).toEqual([]);
    expect(requests.filter((request) => request.includes("/unit/"))).toEqual([]);
  });
});
