import { encodeUrlPart, expandMacros, formatTime, MACRO_NAMES, parseTime } from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("expandMacros", () => {
  test("knows the 59 names of the list, each once", () => {
    expect(new Set(MACRO_NAMES).size).toBe(59);
  });

  test("every macro without a value becomes -1, one that may not be told -2", () => {
    for (const name of MACRO_NAMES)
      expect(expandMacros(`https://t.example/?x=[${name}]&y=1`, {})).toBe("https://t.example/?x=-1&y=1");
    expect(expandMacros("[IFA],[TIMESTAMP],[ADPLAYHEAD]", { IFA: null, TIMESTAMP: null, ADPLAYHEAD: null })).toBe(
      "-2,-2,-2",
    );
    expect(expandMacros("[IFA][ADPLAYHEAD]", { IFA: undefined, ADPLAYHEAD: Number.NaN })).toBe("-1-1");
  });

  test("TIMESTAMP is ISO 8601 with milliseconds before the offset", () => {
    const TIMESTAMP = new Date(Date.UTC(2016, 0, 17, 8, 15, 7, 127));
    expect(expandMacros("[TIMESTAMP]", { TIMESTAMP })).toBe("2016-01-17T08%3A15%3A07.127%2B00%3A00");
  });

  test("playheads are HH:MM:SS.mmm", () => {
    const values = { ADPLAYHEAD: 11.355, MEDIAPLAYHEAD: 321.123, CONTENTPLAYHEAD: 3 * 3600 };
    expect(decodeURIComponent(expandMacros("[ADPLAYHEAD] [MEDIAPLAYHEAD] [CONTENTPLAYHEAD]", values))).toBe(
      "00:00:11.355 00:05:21.123 03:00:00.000",
    );
  });

  test("CACHEBUSTING has eight digits", () => {
    expect(expandMacros("[CACHEBUSTING] [CACHEBUSTING]", { CACHEBUSTING: 1234.9 })).toBe("00001234 00001234");
  });

  test("values are percent-encoded, the commas between the items of a list are not", () => {
    const values = {
      ASSETURI: new URL("https://myadserver.com/video.mp4"),
      MEDIAMIME: ["video/mp4", "application/x-mpegURL"],
      PLAYERSIZE: [640, 360],
      LIMITADTRACKING: false,
      ERRORCODE: 407,
      CLIENTUA: "unknown MyPlugin/1.1.2",
      CONTENTID: "\uD800é",
    };
    expect(
      expandMacros("[ASSETURI]|[MEDIAMIME]|[PLAYERSIZE]|[LIMITADTRACKING]|[ERRORCODE]|[CLIENTUA]|[CONTENTID]", values),
    ).toBe(
      "https%3A%2F%2Fmyadserver.com%2Fvideo.mp4|video%2Fmp4,application%2Fx-mpegURL|640,360|0|407|unknown%20MyPlugin%2F1.1.2|%EF%BF%BD%C3%A9",
    );
  });

  test.each([
    "[cachebusting]",
    "[Ifa]",
    "[UNKNOWN]",
    "%%IFA%%",
    "${IFA}",
    "{IFA}",
    "[IFA",
    "IFA]",
    "[ IFA ]",
    "[__PROTO__]",
    "[CONSTRUCTOR]",
  ])("leaves %j as it is", (text) => {
    expect(expandMacros(text, { IFA: "x" })).toBe(text);
  });

  test("values of one's own go before the others, and bring names that the standard does not have", () => {
    const own = { IFA: "own", CONTENTID: null, MY_ID2: "a b", PAGEURL: undefined };
    expect(expandMacros("[IFA] [CONTENTID] [MY_ID2] [MY_OTHER] [PAGEURL]", { IFA: "x", PAGEURL: "p" }, own)).toBe(
      "own -2 a%20b [MY_OTHER] p",
    );
  });

  test("does not expand a macro that a value brings along", () => {
    expect(decodeURIComponent(expandMacros("[PAGEURL]", { PAGEURL: "[IFA]", IFA: "secret" }))).toBe("[IFA]");
  });

  test("a value never breaks out of its place in the URL", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        const url = new URL(expandMacros("https://t.example/a?x=[DOMAIN]&y=1", { DOMAIN: value }));
        expect([url.host, url.hash, [...url.searchParams.keys()]]).toEqual(["t.example", "", ["x", "y"]]);
      }),
    );
  });
});

describe("formatTime", () => {
  test("is read back as the same time, to the millisecond", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 * 3_600_000 }), (ms) => {
        expect(parseTime(formatTime(ms / 1000))).toBeCloseTo(ms / 1000, 6);
      }),
    );
  });

  test("never rounds seconds up to 60, and counts nothing below zero", () => {
    expect([formatTime(59.9996), formatTime(-1)]).toEqual(["00:01:00.000", "00:00:00.000"]);
  });
});

test("half a surrogate pair in a part of a URL becomes the replacement character, and a whole pair stays", () => {
  expect(encodeUrlPart("a\uD800b \u{1F3AC}")).toBe("a%EF%BF%BDb%20%F0%9F%8E%AC");
});
