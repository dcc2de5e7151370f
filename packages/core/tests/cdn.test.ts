import { createHash } from "node:crypto";
import {
  creativeKey,
  masterPath,
  normaliseCreativeUrl,
  packageKey,
  parseZoneDocument,
  selectCdn,
  selectPackages,
  selectTargetDuration,
  sha256Hex,
} from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

const zone = parseZoneDocument(
  { zone: "1", cdns: { a: "/cdn/a/", b: "https://b.example/x" }, defaultCdn: "a" },
  new URL("http://host:8080/v1/zones/1.json"),
);

describe("sha256Hex", () => {
  test("is SHA-256 of the UTF-8 bytes, for every length around the block size and for any text", () => {
    const expected = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");
    for (let length = 0; length <= 200; length++) {
      const text = "é".repeat(length % 3) + "x".repeat(length);
      expect(sha256Hex(text)).toBe(expected(text));
    }
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => sha256Hex(text) === expected(text)));
  });
});

describe("creativeKey", () => {
  test("stays the same for ever: these addresses are derived by players that were deployed years ago", () => {
    const key = creativeKey("1", "https://ads.example/spot.mp4");
    expect(key).toBe(createHash("sha256").update("1:1,28:https://ads.example/spot.mp4,").digest("hex").slice(0, 32));
    const cut = { packaging: "hls", targetDuration: 6 } as const;
    expect(packageKey(cut)).toBe(createHash("sha256").update("3:hls,1:6,").digest("hex").slice(0, 32));
    expect(masterPath("1", key, cut)).toBe(`1/${key.slice(0, 3)}/${key.slice(3, 6)}/${key}_${packageKey(cut)}.m3u8`);
  });

  test("no two tuples share a text, however the border between zone and URL is drawn", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (zoneA, urlA, zoneB, urlB) => {
        fc.pre(zoneA !== zoneB || urlA !== urlB);
        return creativeKey(zoneA, urlA) !== creativeKey(zoneB, urlB);
      }),
    );
    expect(creativeKey("1", "1x")).not.toBe(creativeKey("11", "x"));
  });
});

describe("normaliseCreativeUrl", () => {
  const rules = [
    { host: { matches: "ew", values: ["cdn.example"] }, find: "[?&]expire=\\d+", replace: "" },
    { host: { matches: "eq", values: ["other.example"] }, find: ".*", replace: "https://merged/" },
  ] as const;

  test("drops what changes from request to request, only on the hosts that a rule names", () => {
    const [first, second] = ["1700", "1800"].map((time) =>
      normaliseCreativeUrl(`https://v.cdn.example/spot.mp4?expire=${time}`, rules),
    );
    expect(first).toBe("https://v.cdn.example/spot.mp4");
    expect(second).toBe(first);
    expect(normaliseCreativeUrl("https://elsewhere.example/spot.mp4?expire=1", rules)).toContain("expire=1");
  });

  test("reads the same address from every spelling of it", () => {
    expect(normaliseCreativeUrl("  HTTPS://ADS.example:443/a%20b.mp4#t=3\n", [])).toBe("https://ads.example/a%20b.mp4");
  });

  test("refuses what is no http(s) URL", () => {
    for (const url of ["", "spot.mp4", "file:///etc/passwd", "data:video/mp4,x", "javascript:1"]) {
      expect(() => normaliseCreativeUrl(url, [])).toThrow("expected an absolute http(s) URL");
    }
  });
});

describe("selectTargetDuration", () => {
  test("is the largest of 6, 4 and 2 that the content's target duration allows", () => {
    const made = [1, 2, 3, 4, 5, 6, 7, 10].map((content) => selectTargetDuration(content, true));
    expect(made).toEqual([undefined, 2, 2, 4, 4, 6, 6, 6]);
    expect(selectTargetDuration(1, false)).toBe(2);
  });
});

describe("selectPackages", () => {
  const durations = (targetDuration: number | undefined, isLive: boolean): readonly number[] =>
    selectPackages({ packaging: "hls", targetDuration, isLive }, zone).map((cut) => cut.targetDuration);

  test("a remux with long GOPs is probed last, and by VOD alone", () => {
    expect(durations(5, false)).toEqual([4, 0]);
    expect(durations(5, true)).toEqual([4]);
  });

  test("an unknown target duration falls back on the zone's list", () => {
    expect(durations(undefined, true)).toEqual([6, 4]);
  });

  test("nothing fits live content below 2 s", () => {
    expect(durations(1, true)).toEqual([]);
  });
});

describe("selectCdn", () => {
  test("ptcdn picks the CDN, its absence the zone's default, an unknown name is an error that lists the known ones", () => {
    expect(selectCdn(zone, "b").href).toBe("https://b.example/x/");
    expect(selectCdn(zone, undefined).href).toBe("http://host:8080/cdn/a/");
    expect(() => selectCdn(zone, "c")).toThrow('ptcdn: expected one of a, b, got "c"');
    expect(() => selectCdn(zone, "constructor")).toThrow("ptcdn");
  });
});

describe("parseZoneDocument", () => {
  test("names the member that is wrong", () => {
    const base = new URL("http://host/v1/zones/1.json");
    const good = { zone: "1", cdns: { a: "/cdn/a/" }, defaultCdn: "a" };
    const cases: readonly (readonly [object, string])[] = [
      [{ ...good, zone: "../x" }, "zone: expected letters"],
      [{ ...good, cdns: { a: "http://[" } }, "cdns.a: expected a URL"],
      [{ ...good, defaultCdn: "z" }, "defaultCdn: expected a name in cdns"],
      [{ ...good, targetDurations: [5] }, "targetDurations: expected valid items"],
      [{ ...good, firstEncounter: [1] }, "firstEncounter: expected valid items"],
      [{ ...good, firstEncounter: "skip" }, "firstEncounter: expected a list"],
      [{ ...good, targetDurations: Array.from({ length: 13 }, () => 4) }, "targetDurations: expected at most 12 items"],
      [
        { ...good, normalise: [{ host: { matches: "eq", values: ["x"] }, find: "(", replace: "" }] },
        "normalise: expected valid items",
      ],
      ...["__proto__", "toString"].map((matches): readonly [object, string] => [
        { ...good, normalise: [{ host: { matches, values: [] }, find: "x", replace: "" }] },
        "normalise: expected valid items",
      ]),
    ];
    for (const [document, message] of cases) expect(() => parseZoneDocument(document, base)).toThrow(message);
  });

  test("leaves out steps that it does not know, which a later version may", () => {
    const good = { zone: "1", cdns: { a: "/cdn/a/" }, defaultCdn: "a" };
    const read = (firstEncounter: readonly string[]): unknown =>
      parseZoneDocument({ ...good, firstEncounter }, new URL("http://host/v1/zones/1.json")).firstEncounter;
    expect([read(["stream", "wait", "toString", "skip"]), read(["stream"])]).toEqual([["wait", "skip"], []]);
  });
});
