import { AdError, parseTime, parseTimeOffset, parseVmap } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { read, readFixture } from "./read-fixture.ts";

describe("parseVmap", () => {
  const { version, breaks } = parseVmap(readFixture("breaks.xml"), new URL("https://ads.example/vmap"));
  const byId = (id: string): unknown => breaks.find(({ breakId }) => breakId === id);

  test("reads every form of offset whatever the prefix, and leaves out a break whose offset is none", () => {
    expect(version).toBe("1.0.1");
    expect(breaks.map(({ breakId, timeOffset }) => [breakId, timeOffset])).toEqual([
      ["pre", "start"],
      ["mid", { seconds: 623.125 }],
      ["mid-2", { seconds: 623.125 }],
      ["break-4", { share: 0.25 }],
      ["second", { position: 2 }],
      ["post", "end"],
    ]);
  });

  test("reads in-line VAST as an element, with the rules of its source", () => {
    expect(byId("pre")).toMatchObject({
      source: { kind: "vast", id: "1", allowMultipleAds: false, followRedirects: false, vast: { name: "VAST" } },
    });
  });

  test("reads VAST in CDATA as text, a tag's address with its macros, custom data as it is", () => {
    expect(byId("mid-2")).toMatchObject({ source: { kind: "vast", vast: '<VAST version="2.0"/>' } });
    expect(byId("mid")).toMatchObject({
      repeatAfter: 300,
      breakTypes: ["linear", "display"],
      source: {
        kind: "tag",
        url: "https://ads.example/vast?cb=[CACHEBUSTING]",
        templateType: "vast3",
        allowMultipleAds: true,
        followRedirects: true,
      },
    });
    expect(byId("break-4")).toMatchObject({
      breakTypes: ["nonlinear"],
      source: { kind: "custom", text: "a=1", templateType: "proprietary" },
    });
  });

  test("gives a break without a usable source as a break without ads", () => {
    expect(byId("second")).toMatchObject({ source: { kind: "none" } });
    expect(byId("post")).toMatchObject({ source: { kind: "none" }, breakTypes: ["linear"] });
  });

  test("reads the break's own trackers, dropping what is no http(s) URL", () => {
    expect(byId("pre")).toMatchObject({
      breakStart: ["https://track.example/break-start", "https://other.example/break-start"],
      breakEnd: ["https://track.example/break-end"],
      errors: ["https://track.example/break-error?e=[ERRORCODE]"],
    });
  });

  test("gives every break a name of its own", () => {
    const names = ["a", "a", "a-2", "a", "a-2"].map((id) => `<AdBreak timeOffset="start" breakId="${id}"/>`);
    const ids = parseVmap(read(`<VMAP>${names.join("")}</VMAP>`)).breaks.map(({ breakId }) => breakId);
    expect(ids).toEqual(["a", "a-2", "a-2-2", "a-3", "a-2-3"]);
  });

  test("of a name, what tracking cannot carry becomes U+FFFD: half a character where it is cut, a control character", () => {
    const names = [`${"x".repeat(199)}\u{1F600}`, "a\u0085b"].map(
      (id) => `<AdBreak timeOffset="start" breakId="${id}"/>`,
    );
    const ids = parseVmap(read(`<VMAP>${names.join("")}</VMAP>`)).breaks.map(({ breakId }) => breakId);
    expect(ids).toEqual([`${"x".repeat(199)}\uFFFD`, "a\uFFFDb"]);
  });

  test("refuses a root that is not VMAP", () => {
    expect(() => parseVmap(read("<VAST/>"))).toThrow(AdError);
    expect(() => parseVmap(read("<VAST/>"))).toThrow("expected a <VMAP> root, got <VAST>");
  });
});

describe("times", () => {
  test.each([
    ["00:00:15", 15],
    ["01:02:03.5", 3723.5],
    [" 00:00:07.250 ", 7.25],
    ["0:30", 30],
    ["30", 30],
  ])("%j is %d s", (text, seconds) => {
    expect(parseTime(text)).toBe(seconds);
  });

  test.each(["", "-00:00:01", "1e3", "00:00:00:10", "a", "0x10", undefined])("%j is no time", (text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  test("a share lies between nothing and the whole", () => {
    expect([parseTimeOffset("0%"), parseTimeOffset("33.5%"), parseTimeOffset("100%")]).toEqual([
      { share: 0 },
      { share: 0.335 },
      { share: 1 },
    ]);
    expect([parseTimeOffset("101%"), parseTimeOffset("-1%"), parseTimeOffset("%")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
