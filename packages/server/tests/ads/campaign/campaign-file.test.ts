import { describe, expect, test } from "vitest";
import { parseCampaigns } from "../../../src/ads/campaign/campaign-file.ts";

const GOOD = `{ "version": 1,
  "lineItems": [
    { "id": "mp4",
      "ads": [
        { "id": "ad-mp4", "title": "Tea", "duration": 10,
          "mediaFiles": [
            { "url": "/media/tea.mp4", "type": "video/mp4", "width": 1280, "height": 720 }
          ] }
      ] },
    { "id": "wrapped", "wrapper": "/ads/vast?li=mp4" }
  ],
  "schedules": [
    { "id": "s", "breaks": [
      { "id": "pre", "timeOffset": "start", "lineItem": "mp4" }
    ] }
  ]
}`;

function complaint(text: string): string {
  try {
    parseCampaigns(text, "campaigns.json");
    return "no complaint";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe("parseCampaigns", () => {
  test("reads pods, wrappers and schedules; what is left out has its stated default", () => {
    const { lineItems, schedules } = parseCampaigns(GOOD, "campaigns.json");
    expect(lineItems.get("wrapped")).toEqual({
      kind: "wrapper",
      id: "wrapped",
      tagUrl: "/ads/vast?li=mp4",
      duration: undefined,
      zones: [],
      flight: { start: undefined, end: undefined },
      priority: undefined,
      weight: 1,
      targeting: { keyValues: new Map(), exclude: new Map(), devices: [] },
      frequency: [],
      goal: undefined,
      separation: [],
      perBreak: 1,
      isTogether: false,
      bumper: undefined,
    });
    const pod = lineItems.get("mp4");
    expect(pod?.kind === "pod" && pod.ads[0]).toMatchObject({
      creativeId: "ad-mp4",
      skipOffset: undefined,
      companions: [],
      companionsRequired: "none",
    });
    const limits = { duration: undefined, maxAds: undefined };
    expect(schedules.get("s")).toEqual([{ id: "pre", timeOffset: "start", lineItem: "mp4", ...limits }]);
  });

  test("a file without schedules and a pod without ads are fine", () => {
    const empty = parseCampaigns('{"version":1,"lineItems":[{"id":"none","ads":[]}]}', "c.json");
    expect(empty.lineItems.get("none")).toMatchObject({ kind: "pod", id: "none", ads: [] });
    expect(empty.schedules.size).toBe(0);
  });

  test.each([
    ['"version": 1', '"version": 2', "campaigns.json, line 1: version: expected 1, got 2"],
    [
      '"duration": 10',
      '"duration": "ten"',
      'line 5: lineItems[0].ads[0].duration: expected a number of seconds above 0, got "ten"',
    ],
    [
      '"duration": 10',
      '"duration": -1',
      "line 5: lineItems[0].ads[0].duration: expected a number of seconds above 0, got -1",
    ],
    ['"duration": 10,', "", "line 5: lineItems[0].ads[0].duration: expected a number of seconds above 0, got nothing"],
    ['"duration"', '"duratoin"', "line 5: lineItems[0].ads[0].duratoin: expected one of id, title, "],
    [
      '"/media/tea.mp4"',
      '"javascript:alert(1)"',
      "line 7: lineItems[0].ads[0].mediaFiles[0].url: expected an http(s) URL",
    ],
    ['"video/mp4"', '"mp4"', "line 7: lineItems[0].ads[0].mediaFiles[0].type: expected a MIME type"],
    [
      '"width": 1280',
      '"width": 12.5',
      "line 7: lineItems[0].ads[0].mediaFiles[0].width: expected a whole number of pixels, got 12.5",
    ],
    [
      '"title": "Tea"',
      '"title": "a\\u0007b"',
      "line 5: lineItems[0].ads[0].title: expected 1 to 2000 characters without control",
    ],
    [
      '"id": "wrapped"',
      '"id": "mp4"',
      'line 10: lineItems[1].id: expected an id that the list does not have yet, got "mp4"',
    ],
    ['"id": "wrapped"', '"id": "a b"', "line 10: lineItems[1].id: expected 1 to 64 letters, digits"],
    [
      '"wrapper": "/ads/vast?li=mp4"',
      '"ads": [], "wrapper": "/x"',
      "line 10: lineItems[1]: expected either ads or wrapper",
    ],
    [
      '"timeOffset": "start"',
      '"timeOffset": "20 s"',
      "line 14: schedules[0].breaks[0].timeOffset: expected start, end,",
    ],
    [
      '"lineItem": "mp4"',
      '"lineItem": "mp5"',
      'line 14: schedules[0].breaks[0].lineItem: expected one of mp4, wrapped, got "mp5"',
    ],
    ['"duration": 10,', '"duration": 10', 'campaigns.json, line 6: expected "," or "}", got "mediaFiles"'],
    [
      '"type": "video/mp4",',
      '"type": "video/mp4", "type": "video/webm",',
      'line 7: expected "type" only once in this object',
    ],
  ])("%s changed to %s is reported at its line", (from, to, expected) => {
    expect(GOOD).toContain(from);
    expect(complaint(GOOD.replace(from, to))).toContain(expected);
  });

  test("what is no JSON is reported at the line where it stops being JSON", () => {
    expect(complaint(GOOD.slice(0, GOOD.indexOf("video/mp4") + 5))).toContain(
      'line 7: expected a JSON value, got "video',
    );
    expect(complaint("")).toBe("campaigns.json, line 1: expected a JSON value, got the end of the file");
    expect(complaint("<html>")).toBe("campaigns.json, line 1: expected a JSON value, got <html>");
    expect(complaint("[".repeat(100_000))).toContain("expected at most 50 levels");
    expect(complaint(`${GOOD}\n{}`)).toContain("line 18: expected the end of the file, got {}");
    expect(complaint("[]")).toBe("campaigns.json, line 1: expected an object, got a list of 0");
  });
});

const TERMS = `{ "version": 1, "lineItems": [
  { "id": "spring", "priority": 1, "weight": 2.5, "zones": ["1"],
    "flight": { "start": "2026-06-01T00:00:00Z", "end": "2026-07-01T00:00+02:00" },
    "targeting": { "keyValues": { "genre": ["Sport"] }, "exclude": { "rating": ["kids"] }, "devices": ["tv"] },
    "frequency": [ { "impressions": 2, "hours": 0.5 } ],
    "goal": { "impressions": 1000, "pacing": "even" },
    "separation": ["cars"],
    "perBreak": 2,
    "ads": [ { "id": "a", "duration": 10, "companionsRequired": "any",
      "companions": [ { "id": "c", "width": 300, "height": 250, "image": "/c.png", "type": "image/png" } ],
      "mediaFiles": [ { "url": "/a.mp4", "type": "video/mp4", "width": 640, "height": 360 } ] } ] },
  { "id": "other", "priority": 2, "duration": 30, "wrapper": "https://ads.example/tag" },
  { "id": "opener", "priority": 1, "bumper": "first", "ads": [] } ],
  "schedules": [ { "id": "s", "breaks": [ { "id": "mid", "timeOffset": "50%", "duration": 60, "maxAds": 4 } ] } ] }`;

describe("the terms of a line item", () => {
  test("are read with their units: hours of a cap, values in lower case, times with their offset", () => {
    const { lineItems, schedules } = parseCampaigns(TERMS, "c.json");
    expect(lineItems.get("spring")).toMatchObject({
      zones: ["1"],
      flight: { start: new Date("2026-06-01T00:00:00Z"), end: new Date("2026-06-30T22:00:00Z") },
      priority: 1,
      weight: 2.5,
      targeting: {
        keyValues: new Map([["genre", ["sport"]]]),
        exclude: new Map([["rating", ["kids"]]]),
        devices: ["tv"],
      },
      frequency: [{ impressions: 2, hours: 0.5 }],
      goal: { impressions: 1000, pacing: "even" },
      separation: ["cars"],
      perBreak: 2,
      ads: [
        {
          companionsRequired: "any",
          companions: [
            { id: "c", width: 300, height: 250, resource: { kind: "static", url: "/c.png", type: "image/png" } },
          ],
        },
      ],
    });
    expect(schedules.get("s")?.[0]).toMatchObject({ lineItem: undefined, duration: 60, maxAds: 4 });
  });

  test("a zone that the server does not have is no fault, and is told with its line", () => {
    const told: string[] = [];
    const onUnknown = (complaint: string): void => void told.push(complaint);
    expect(parseCampaigns(TERMS, "c.json", { zones: ["2", "1"], onUnknown }).lineItems.size).toBe(3);
    expect(told).toEqual([]);
    expect(parseCampaigns(TERMS, "c.json", { zones: ["2", "3"], onUnknown }).lineItems.size).toBe(3);
    expect(told).toEqual(['c.json, line 2: lineItems[0].zones[0]: expected one of 2, 3, got "1"']);
  });

  test.each([
    [
      '"priority": 1, "weight"',
      '"weight"',
      "line 2: lineItems[0].priority: expected a whole number from 1 to 16, because there is weight",
    ],
    ['"priority": 1', '"priority": 17', "line 2: lineItems[0].priority: expected a whole number from 1 to 16, got 17"],
    ['"weight": 2.5', '"weight": 0', "line 2: lineItems[0].weight: expected a number above 0, at most 1000, got 0"],
    ['["1"]', '["a b"]', 'line 2: lineItems[0].zones[0]: expected the name of a zone, got "a b"'],
    [
      "2026-06-01T00:00:00Z",
      "2026-06-01",
      "line 3: lineItems[0].flight.start: expected a time with its offset such as",
    ],
    [
      "2026-06-01T00:00:00Z",
      "2026-02-30T00:00:00Z",
      "line 3: lineItems[0].flight.start: expected a time with its offset",
    ],
    ["2026-07-01T00:00+02:00", "2026-05-01T00:00Z", "line 3: lineItems[0].flight.end: expected a time after start"],
    ['"tv"', '"telly"', "line 4: lineItems[0].targeting.devices[0]: expected one of tv, tablet, phone, desktop, other"],
    ['["Sport"]', "[]", "line 4: lineItems[0].targeting.keyValues.genre: expected at least one value, got a list of 0"],
    ['"genre"', '"a b"', "line 4: lineItems[0].targeting.keyValues.a b: expected a key of 1 to 64 letters"],
    [
      '"hours": 0.5',
      '"hours": 0',
      "line 5: lineItems[0].frequency[0].hours: expected a number of hours above 0, at most 720",
    ],
    [
      '"impressions": 2',
      '"impressions": 2.5',
      "line 5: lineItems[0].frequency[0].impressions: expected a whole number above 0",
    ],
    [
      ', "end": "2026-07-01T00:00+02:00"',
      "",
      "line 6: lineItems[0].goal: expected a flight with start and end beside it",
    ],
    ['"even"', '"slow"', "line 6: lineItems[0].goal.pacing: expected one of even, asap"],
    [
      '"perBreak": 2',
      '"perBreak": 2, "together": true',
      "line 8: lineItems[0].perBreak: expected nothing beside together",
    ],
    [
      '"duration": 10, "comp',
      '"duration": 10, "skipOffset": 10, "comp',
      "line 9: lineItems[0].ads[0].skipOffset: expected a number of seconds above 0, below the duration of 10, got 10",
    ],
    ['"any"', '"some"', "line 9: lineItems[0].ads[0].companionsRequired: expected one of all, any, none"],
    ['"image": "/c.png", ', "", "line 10: lineItems[0].ads[0].companions[0]: expected one of image, iframe and html"],
    [
      '"image": "/c.png"',
      '"html": "<p>"',
      "line 10: lineItems[0].ads[0].companions[0].type: expected nothing beside iframe",
    ],
    [', "type": "image/png"', "", "line 10: lineItems[0].ads[0].companions[0].type: expected a text, got nothing"],
    ['"duration": 30, ', "", "line 12: lineItems[1].duration: expected the seconds that the wrapper's ad counts for"],
    [
      '"duration": 30, ',
      '"duration": 30, "bumper": "last", ',
      "line 12: lineItems[1].bumper: expected nothing beside wrapper",
    ],
    [
      '"bumper": "first"',
      '"bumper": "first", "separation": []',
      "line 13: lineItems[2].separation: expected nothing beside bumper",
    ],
    [
      '"duration": 60',
      '"duration": 60, "lineItem": "spring"',
      "line 14: schedules[0].breaks[0].duration: expected nothing beside",
    ],
  ])("%s changed to %s is reported at its line", (from, to, expected) => {
    expect(TERMS).toContain(from);
    expect(complaint(TERMS.replace(from, to))).toContain(expected);
  });
});
