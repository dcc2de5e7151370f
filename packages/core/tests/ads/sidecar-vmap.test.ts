import { buildSidecar, formatAdFragment, formatPodFragment, parseVast, parseVmap } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { read } from "./read-fixture.ts";
import { NASTY, NASTY_IN_XML, sidecarAd, sidecarBreak, sidecarInput } from "./sidecar-fixture.ts";

const NAMESPACE = "http://www.iab.net/videosuite/vmap";
const SKIPPED = [{ adId: "new", adSystem: "Other", creativeId: "c", reason: "new-creative" }] as const;

function textOfVmap(...breaks: Parameters<typeof sidecarInput>[0]): string {
  return buildSidecar("vmap", sidecarInput(breaks)).body;
}

/** The ads of the n-th break, read by our own parsers. */
function readAds(text: string, index = 0) {
  const source = parseVmap(read(text)).breaks[index]?.source;
  if (source?.kind !== "vast" || typeof source.vast === "string") throw new Error("expected a VAST element");
  return parseVast(source.vast).ads.map(({ ad }) => ad);
}

describe("VMAP", () => {
  test("is read back by a VMAP and VAST reader with every request that it was given", () => {
    const given = [sidecarBreak("1", 213, [sidecarAd("b", 213)]), sidecarBreak("0", 0, [sidecarAd("a", 0)])];
    const text = textOfVmap(...given);
    const url = (event: string): string => `https://t.example/b?e=${event}&t=[TIMESTAMP]`;
    expect(parseVmap(read(text))).toMatchObject({
      version: "1.0.1",
      breaks: [
        { breakId: "0", timeOffset: { seconds: 0 } },
        {
          breakId: "1",
          timeOffset: { seconds: 213 },
          breakTypes: ["linear"],
          breakStart: ["https://t.example/1?e=breakStart"],
          breakEnd: ["https://t.example/1?e=breakEnd"],
        },
      ],
    });
    const [ad] = readAds(text, 1);
    expect(ad).toMatchObject({
      id: "b",
      sequence: 1,
      adSystem: "Auditude",
      title: "Title of b",
      impressions: [url("impression")],
      errors: ["https://t.example/b?e=error&code=[ERRORCODE]"],
      creatives: [
        {
          adId: "creative-b",
          duration: 15,
          clickThrough: "https://shop.example/",
          clickTrackers: [url("click")],
          mediaFiles: [
            {
              url: "https://cdn.example/b.m3u8?a=1&b=2",
              id: "Auditude",
              delivery: "streaming",
              type: "application/x-mpegurl",
              width: 0,
              height: 0,
            },
          ],
        },
      ],
    });
    expect(ad?.creatives[0]?.trackers.map(({ event }) => event)).toEqual([
      "complete",
      "start",
      "firstQuartile",
      "midpoint",
      "thirdQuartile",
      "mute",
    ]);
  });

  test("spells its elements as Primetime does in XML", () => {
    const text = textOfVmap(sidecarBreak("0", 10.25, [sidecarAd("a", 10.25, { duration: 15.04 })]));
    expect(text).toContain(
      `<?xml version="1.0" encoding="UTF-8"?>\n<vmap:VMAP version="1.0.1" xmlns:vmap="${NAMESPACE}">`,
    );
    expect(text).toContain('<vmap:AdBreak breakType="linear" breakId="0" timeOffset="00:00:10.250">');
    expect(text).toContain('<vmap:VASTAdData><VAST version="3.0"><Ad id="a" sequence="1"><InLine>');
    expect(text).toContain('<Creative AdID="creative-a"><Linear><Duration>00:00:15.040</Duration>');
    expect(text).toContain(
      '<MediaFile id="Auditude" delivery="streaming" type="application/x-mpegURL" width="0" height="0">',
    );
    expect(text).toMatch(/<\/vmap:TrackingEvents><vmap:Extensions\/><\/vmap:AdBreak><\/vmap:VMAP>\n$/);
  });

  test("stays well-formed whatever ids, titles and URLs hold, and loses only what XML cannot carry", () => {
    const url = `https://t.example/?q=${NASTY}`;
    const ad = sidecarAd(NASTY, 0, {
      adSystem: NASTY,
      title: NASTY,
      creativeId: NASTY,
      playlistUrl: url,
      trackers: [{ event: `start${NASTY}`, url, time: 0 }],
      companions: [
        {
          id: NASTY,
          width: 1,
          height: 2,
          resourceType: "html",
          mimeType: undefined,
          resource: `<b a='1'>${NASTY}</b>`,
          clickThrough: undefined,
          trackers: [{ event: NASTY, url, time: undefined }],
        },
      ],
    });
    const skipped = [{ adId: NASTY, adSystem: NASTY, creativeId: NASTY, reason: "no-ads" }] as const;
    const text = textOfVmap({ ...sidecarBreak(NASTY, 0, [ad]), skipped });
    expect(parseVmap(read(text)).breaks[0]?.breakId).toBe(NASTY_IN_XML);
    expect(readAds(text)[0]).toMatchObject({
      id: NASTY_IN_XML,
      title: NASTY_IN_XML,
      creatives: [
        {
          adId: NASTY_IN_XML,
          mediaFiles: [{ url: `https://t.example/?q=${NASTY_IN_XML}` }],
          trackers: [{ event: `start${NASTY_IN_XML}`, url: `https://t.example/?q=${NASTY_IN_XML}` }],
        },
      ],
      companions: [{ id: NASTY_IN_XML, resources: [{ kind: "html", value: `<b a='1'>${NASTY_IN_XML}</b>` }] }],
    });
  });

  test("says in an extension of the break which ads are not there, and why", () => {
    expect(textOfVmap({ ...sidecarBreak("0", 0, []), skipped: SKIPPED })).toContain(
      '<vmap:Extensions><vmap:Extension type="interlude.skipped">' +
        '<Skipped adId="new" adSystem="Other" creativeId="c" reason="new-creative" vastError="407"/>' +
        "</vmap:Extension></vmap:Extensions>",
    );
  });

  test("a break that began before the window has a negative offset, which VMAP readers leave out", () => {
    const text = textOfVmap(sidecarBreak("left", -4.5, [sidecarAd("a", -4.5)]), sidecarBreak("in", 20, []));
    expect(text).toContain('breakId="left" timeOffset="-00:00:04.500"');
    expect(parseVmap(read(text)).breaks.map(({ breakId }) => breakId)).toEqual(["in"]);
  });

  test("a progress beacon has its offset", () => {
    const trackers = [{ event: "progress", url: "https://t.example/p", time: 4.5 }];
    const text = textOfVmap(sidecarBreak("0", 100, [sidecarAd("a", 100, { trackers })]));
    expect(readAds(text)[0]?.creatives[0]?.trackers).toEqual([
      { event: "progress", url: "https://t.example/p", offset: { seconds: 4.5 } },
    ]);
  });
});

describe("v3", () => {
  test("is VMAP as JSON with the spellings of that form", () => {
    const trackers = [
      { event: "impression", url: "https://t.example/i?a=1&b=2", time: 0 },
      { event: "start", url: "https://t.example/s", time: 0 },
    ];
    const ad = sidecarAd("a", 0, { trackers, errors: [], clickThrough: undefined, clickTrackers: [] });
    const { body, contentType } = buildSidecar("v3", sidecarInput([sidecarBreak("0", 0, [ad])]));
    expect(contentType).toBe("application/json; charset=utf-8");
    expect(JSON.parse(body)).toStrictEqual({
      vmap: {
        "vmap:VMAP": {
          "@version": "1.0",
          "@xmlns:vmap": NAMESPACE,
          "@xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
          "vmap:AdBreak": [
            {
              "@breakType": "linear",
              "@breakId": "0",
              "@timeOffset": "00:00:00.000",
              "vmap:AdSource": {
                "@id": "0",
                "@allowMultipleAds": "true",
                "@followRedirects": "true",
                "vmap:VASTData": {
                  VAST: {
                    "@version": "3.0",
                    Ad: [
                      {
                        "@id": "a",
                        "@sequence": "1",
                        InLine: {
                          AdSystem: "Auditude",
                          AdTitle: "Title of a",
                          Impression: "https://t.example/i?a=1&b=2",
                          Creatives: {
                            Creative: [
                              {
                                "@AdId": "creative-a",
                                Linear: {
                                  Duration: "00:00:15.000",
                                  TrackingEvents: {
                                    Tracking: [{ "@event": "start", "#text": "https://t.example/s" }],
                                  },
                                },
                              },
                            ],
                          },
                        },
                      },
                    ],
                  },
                },
              },
              "vmap:TrackingEvents": {
                "vmap:Tracking": [
                  { "@event": "breakStart", "#text": "https://t.example/0?e=breakStart" },
                  { "@event": "breakEnd", "#text": "https://t.example/0?e=breakEnd" },
                ],
              },
            },
          ],
        },
      },
    });
  });

  test("keeps several impressions as a list", () => {
    const trackers = ["1", "2"].map((url) => ({ event: "impression", url: `https://t.example/${url}`, time: 0 }));
    const { body } = buildSidecar("v3", sidecarInput([sidecarBreak("0", 0, [sidecarAd("a", 0, { trackers })])]));
    expect(body).toContain('"Impression":["https://t.example/1","https://t.example/2"]');
  });

  test("has an extension where ads were skipped, an empty list where there is no break", () => {
    const { body } = buildSidecar("v3", sidecarInput([{ ...sidecarBreak("0", 0, []), skipped: SKIPPED }]));
    expect(JSON.parse(body)).toHaveProperty(
      ["vmap", "vmap:VMAP", "vmap:AdBreak", 0, "vmap:Extensions", "vmap:Extension", 0, "Skipped", 0, "@reason"],
      "new-creative",
    );
    const empty: unknown = JSON.parse(buildSidecar("v3", sidecarInput([])).body);
    expect(empty).toHaveProperty(["vmap", "vmap:VMAP", "vmap:AdBreak"], []);
  });
});

describe("fragments of markers", () => {
  test("a pod's is one VMAP with one break that carries its events", () => {
    const trackers = ["breakStart", "breakEnd", "error"].map((event) => {
      return { event, url: `https://t.example/?e=${event}&b=${NASTY}`, time: undefined };
    });
    const root = read(formatPodFragment({ breakId: NASTY, trackers }));
    expect(root.name).toBe("AdTrackingFragments");
    const [fragment] = root.children;
    const vmap = fragment?.children[0];
    if (!vmap) throw new Error("expected a VMAP");
    const { breaks } = parseVmap(vmap);
    const url = (event: string): string => `https://t.example/?e=${event}&b=${NASTY_IN_XML}`;
    expect(breaks).toHaveLength(1);
    expect(breaks[0]).toMatchObject({
      breakId: NASTY_IN_XML,
      breakStart: [url("breakStart")],
      breakEnd: [url("breakEnd")],
      errors: [url("error")],
    });
  });

  test("an ad's is one VAST with its in-line ad, and one with the id of each wrapper", () => {
    const root = read(formatAdFragment(sidecarAd("a", 0, { wrapperAdIds: ["outer", "inner"] })));
    const documents = root.children.flatMap((fragment) => fragment.children);
    expect(documents.map((document) => parseVast(document).ads.map(({ kind, ad }) => [kind, ad.id]))).toEqual([
      [["inline", "a"]],
      [["wrapper", "outer"]],
      [["wrapper", "inner"]],
    ]);
  });
});
