import {
  buildSidecar,
  formatAdFragment,
  formatPodFragment,
  readAdFragment,
  readPodFragment,
  readSidecar,
  type SidecarAd,
  type SidecarBreak,
  type SidecarCompanion,
  type SidecarInput,
  type SidecarReading,
  type SidecarVersion,
} from "@interlude/core";
import { parseXml } from "@interlude/server/xml";
import { describe, expect, test } from "vitest";
import { attempt } from "./read-fixture.ts";
import { sidecarAd, sidecarBreak, sidecarInput } from "./sidecar-fixture.ts";

const COMPANION: SidecarCompanion = {
  id: "103",
  width: 300,
  height: 250,
  resourceType: "static",
  mimeType: "image/jpeg",
  resource: "https://cdn.example/banner.jpg",
  clickThrough: "https://shop.example/banner",
  trackers: [{ event: "creativeView", url: "https://t.example/banner", time: undefined }],
};
const SKIPPED = [{ adId: "new", adSystem: "Other", creativeId: "c", reason: "new-creative" }] as const;
const PROGRESS = { event: "progress", url: "https://t.example/p", time: 4.5 };

/** A live window: one break has begun before it; of another every ad was skipped. */
function exampleInput(): SidecarInput {
  const rich = sidecarAd("a", 10.25, { companions: [COMPANION], duration: 15.04, sequence: 1 });
  const first = { ...rich, trackers: [...onTime(rich), PROGRESS] };
  const second = sidecarAd("b", 25.29, { sequence: 2 });
  return sidecarInput([
    sidecarBreak("left", -4.5, [sidecarAd("l", -4.5)]),
    { ...sidecarBreak("mid", 10.25, [first, second]), skipped: SKIPPED },
    { ...sidecarBreak("empty", 60, []), skipped: SKIPPED },
  ]);
}

/** The quartiles of an ad are due by its own duration. */
function onTime({ trackers, duration }: SidecarAd): SidecarAd["trackers"] {
  return trackers.map((tracker) => {
    return { ...tracker, time: tracker.time === undefined ? undefined : (tracker.time / 15) * duration };
  });
}

function readBack(version: SidecarVersion, input: SidecarInput): SidecarReading {
  return readSidecar(buildSidecar(version, input).body, parseXml);
}

const byTime = (trackers: SidecarAd["trackers"]): readonly string[] =>
  trackers.map(({ event, url, time }) => `${time?.toFixed(3) ?? "-"} ${event} ${url}`).toSorted();

/** What every form but v1 carries, comparable. */
function essence({ breaks }: Pick<SidecarInput, "breaks">) {
  return breaks.map(({ ads, duration, startTime, ...entry }) => ({
    ...entry,
    startTime: startTime.toFixed(3),
    duration: duration.toFixed(3),
    ads: ads.map((ad) => {
      const { adId, adSystem, sequence, clickThrough, clickTrackers, companions, trackers } = ad;
      const times = [ad.startTime.toFixed(3), ad.duration.toFixed(3)];
      return { adId, adSystem, sequence, clickThrough, clickTrackers, companions, times, trackers: byTime(trackers) };
    }),
  }));
}

const isTimed = ({ time }: SidecarAd["trackers"][number]): boolean => time !== undefined;

describe("what is written is read back", () => {
  test.each(["v3", "vmap"] as const)("%s: every break, ad, tracker, click, companion and skipped ad", (version) => {
    const input = exampleInput();
    expect(essence(readBack(version, input))).toEqual(essence(input));
  });

  test("v2: all of it but what only the viewer causes", () => {
    const input = exampleInput();
    const carried = input.breaks.map((entry) => ({
      ...entry,
      ads: entry.ads.map((ad) => ({ ...ad, trackers: ad.trackers.filter(isTimed) })),
    }));
    expect(essence(readBack("v2", input))).toEqual(essence({ breaks: carried }));
    expect(readBack("v2", input).endTime).toBe(input.endTime);
  });

  test("VMAP has titles, error addresses and the playlists of the ads too", () => {
    const input = exampleInput();
    const texts = ({ breaks }: Pick<SidecarInput, "breaks">) =>
      breaks.flatMap(({ ads }) =>
        ads.map(({ title, errors, playlistUrl, creativeId }) => [title, errors, playlistUrl, creativeId]),
      );
    expect(texts(readBack("vmap", input))).toEqual(texts(input));
  });

  test("v1: each URL at its time, and no breaks", () => {
    const input = exampleInput();
    const { breaks, urls, endTime } = readBack("v1", input);
    expect({ breaks, endTime }).toEqual({ breaks: [], endTime: 362.508 });
    const due = ({ startTime, duration, trackers, ads }: SidecarBreak): readonly string[] => [
      ...trackers.map(
        ({ url, event }) => `${(event === "breakEnd" ? startTime + duration : startTime).toFixed(2)} ${url}`,
      ),
      ...ads.flatMap((ad) =>
        ad.trackers.filter(isTimed).map(({ time = 0, url }) => `${(ad.startTime + time).toFixed(2)} ${url}`),
      ),
    ];
    expect(urls.map(({ time, url }) => `${time.toFixed(2)} ${url}`).toSorted()).toEqual(
      input.breaks.flatMap(due).toSorted(),
    );
  });

  test("an empty answer has no breaks", () => {
    expect(readSidecar("", parseXml)).toEqual({ endTime: undefined, breaks: [], urls: [] });
    for (const version of ["v1", "v2", "v3", "vmap"] as const) {
      expect(readBack(version, sidecarInput([]))).toMatchObject({ breaks: [], urls: [] });
    }
  });

  test("the DATA of markers has the pod's trackers, and the ad with the ids of its wrappers", () => {
    const ad = sidecarAd("a", 8, { wrapperAdIds: ["outer", "inner"] });
    const pod = sidecarBreak("mid", 8, [ad]);
    const { breakId, trackers } = pod;
    expect(readPodFragment(formatPodFragment(pod), parseXml)).toEqual({ breakId, trackers });
    const read = readAdFragment(formatAdFragment(ad), parseXml, 8);
    expect(read).toMatchObject({ adId: "a", startTime: 8, duration: 15, wrapperAdIds: ["outer", "inner"] });
    expect(byTime(read?.trackers ?? [])).toEqual(byTime(ad.trackers));
  });
});

describe("Primetime's own documents", () => {
  test("clicks among the trackers of v2, as until 19.4.1, are clicks", () => {
    const url = "https://t.example/";
    const trackingUrls = [
      { startTime: 0, adSystems: "Auditude", event: "impression", url: `${url}i` },
      { startTime: 0, adSystems: "Auditude", event: "clickThrough", url: `${url}shop` },
      { startTime: 0, adSystems: "Auditude", event: "clickTracking", url: `${url}click` },
    ];
    const pods = [
      { id: 0, startTime: "0.0", duration: 15, ads: [{ id: 7, startTime: 0, duration: 15, trackingUrls }] },
    ];
    const { breaks } = readSidecar(JSON.stringify({ startTime: 0, endTime: 30, pods }), parseXml);
    expect(breaks).toMatchObject([
      {
        breakId: "0",
        ads: [
          {
            adId: "7",
            clickThrough: `${url}shop`,
            clickTrackers: [`${url}click`],
            trackers: [{ event: "impression" }],
          },
        ],
      },
    ]);
    expect(breaks[0]?.ads[0]?.trackers).toHaveLength(1);
  });

  test("v3 with one break that is not in a list, and a pre-roll at `start`", () => {
    const VAST = {
      "@version": "3.0",
      Ad: { "@id": "1", InLine: { AdSystem: "A", Creatives: { Creative: { Linear: { Duration: "00:00:15" } } } } },
    };
    const adBreak = { "@breakId": "0", "@timeOffset": "start", "vmap:AdSource": { "vmap:VASTData": { VAST } } };
    const text = JSON.stringify({ vmap: { "vmap:VMAP": { "vmap:AdBreak": adBreak } } });
    expect(readSidecar(text, parseXml).breaks).toMatchObject([
      { breakId: "0", startTime: 0, duration: 15, ads: [{ adId: "1", duration: 15 }] },
    ]);
  });
});

describe("a hostile sidecar", () => {
  test("gets no address fetched that is not http(s)", () => {
    const bad = { startTime: 0, event: "impression", url: "javascript:alert(1)" };
    const companions = [{ resourceType: "iframe", url: "data:text/html,x" }];
    const ads = [
      { startTime: 0, duration: 5, trackingUrls: [bad], videoClicks: [{ ...bad, event: "clickThrough" }], companions },
    ];
    const pods = [{ startTime: 0, duration: 5, ads, trackingUrls: [{ ...bad, event: "start" }] }];
    expect(readSidecar(JSON.stringify({ pods }), parseXml).breaks).toMatchObject([
      { trackers: [], ads: [{ trackers: [], clickThrough: undefined, companions: [] }] },
    ]);
    const times = { adtracking: [{ time: 0, trackingurls: [{ url: "file:///etc/passwd" }] }] };
    expect(readSidecar(JSON.stringify(times), parseXml).urls).toEqual([]);
  });

  test("is read no further than 500 breaks of 100 ads", () => {
    const ads = Array.from({ length: 200 }, () => ({ startTime: 0, duration: 1 }));
    const pods = Array.from({ length: 600 }, (_, id) => ({ id, startTime: id, duration: 1, ads: id === 0 ? ads : [] }));
    const { breaks } = readSidecar(JSON.stringify({ pods }), parseXml);
    expect([breaks.length, breaks[0]?.ads.length]).toEqual([500, 100]);
  });

  test.each([
    ["text", "sorry", "vmap-malformed"],
    ["another JSON", '{"error":{"code":"overload"}}', "vmap-malformed"],
    ["an HTML page", "<html><body></body></html>", "vmap-malformed"],
    ["a DOCTYPE", '<!DOCTYPE x><vmap:VMAP xmlns:vmap="x"/>', "xml-malformed"],
    ["a tree as deep as a stack", `{"vmap":{"vmap:VMAP":${'{"a":'.repeat(200)}1${"}".repeat(200)}}}`, "vmap-malformed"],
  ])("that is %s is an error with a code", (_what, text, code) => {
    expect(attempt(() => readSidecar(text, parseXml))).toMatchObject({ code });
  });

  test("with times that are none has no such breaks", () => {
    const pods = [
      { startTime: "soon", ads: [] },
      {
        startTime: 1,
        ads: [
          { startTime: 1, duration: -3 },
          { startTime: null, duration: 3 },
        ],
      },
    ];
    expect(readSidecar(JSON.stringify({ pods }), parseXml).breaks).toMatchObject([{ startTime: 1, ads: [] }]);
  });
});

/** What every object has. */
const INHERITED = ["constructor", "__proto__", "toString", "valueOf", "hasOwnProperty"];

describe("events named like members that every object has", () => {
  test("are read as other events of an ad, and not at all of a break", () => {
    const trackingUrls = INHERITED.map((event) => ({ event, url: `https://t.example/${event}` }));
    const pod = { id: "p", startTime: 0, ads: [{ startTime: 0, duration: 5, trackingUrls }], trackingUrls };
    const [read] = readSidecar(JSON.stringify({ pods: [pod] }), parseXml).breaks;
    expect(read?.trackers).toEqual([]);
    expect(read?.ads[0]?.trackers.map(({ event }) => event)).toEqual(INHERITED);
  });

  test.each(["v1", "v2", "v3", "vmap"] as const)("are written so in %s too", (version) => {
    const trackers = INHERITED.map((event) => ({ event, url: `https://t.example/${event}`, time: 1 }));
    const given = { ...sidecarBreak("b", 0, [sidecarAd("a", 0, { trackers })]), trackers };
    const read = readBack(version, sidecarInput([given]));
    expect(read.breaks.flatMap((found) => found.trackers)).toEqual([]);
    expect(read.urls.map(({ url }) => url)).toEqual(version === "v1" ? trackers.map(({ url }) => url) : []);
    if (version === "v1") return;
    expect(read.breaks[0]?.ads[0]?.trackers.map(({ event }) => event)).toEqual(INHERITED);
  });
});
