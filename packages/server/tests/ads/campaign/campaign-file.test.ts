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
    expect(lineItems.get("wrapped")).toEqual({ kind: "wrapper", id: "wrapped", tagUrl: "/ads/vast?li=mp4" });
    const pod = lineItems.get("mp4");
    expect(pod?.kind === "pod" && pod.ads[0]).toMatchObject({ creativeId: "ad-mp4", skipOffset: undefined });
    expect(schedules.get("s")).toEqual([{ id: "pre", timeOffset: "start", lineItem: "mp4" }]);
  });

  test("a file without schedules and a pod without ads are fine", () => {
    const empty = parseCampaigns('{"version":1,"lineItems":[{"id":"none","ads":[]}]}', "c.json");
    expect([empty.lineItems.get("none"), empty.schedules.size]).toEqual([{ kind: "pod", id: "none", ads: [] }, 0]);
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
