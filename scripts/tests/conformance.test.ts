/**
 * docs/conformance.md: every feature of the system that Interlude succeeds, with the test that shows it or the reason why it is not
 * made. A row that has neither, or names a test that is not there, fails here.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

const file = join(import.meta.dirname, "../../docs/conformance.md");

/** The checklist's features, in its order. */
const FEATURES = [
  ..."bootstrap HLS/DASH|redirect|JSON bootstrap|sessions|parameter pass-through|stream URLs|scheme|CORS|cookies".split(
    "|",
  ),
  ..."rate limit|live detection|cues DPI simple|cues SCTE-35|CUE-OUT/IN|cue attribute macros|VOD timeline".split("|"),
  ..."timeline replace|VMAP/VAST VOD|multicall|live pre-roll|partial break|ad window|ad timeout|bit-rate match".split(
    "|",
  ),
  ..."stitching|demuxed parallel|failover|WebVTT|tokens|Akamai mode|rewrite rules|overload/ad failure|debug".split("|"),
  ..."sidecar|JSON v1/v2/v3|VMAP sidecar|EXT-X-MARKER|server-side beacons|hybrid|report API|CRS JIT (server)".split(
    "|",
  ),
  ..."CRS JIT (client)|CRS API|Format options|dedupe keys|URL form|multi-CDN|normalise/block|priority".split("|"),
  ..."HLS-to-HLS|loudness|ID3|client rules file|client fallback|client policies|lazy resolving".split("|"),
  ..."partial ad client|generators/resolvers|time ranges|URL transformer|companions/clicks|event order".split("|"),
];

interface Row {
  readonly feature: string;
  readonly shown: string;
}

function readRows(): readonly Row[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines
    .filter((line) => line.startsWith("|") && !/^\|\s*(?:feature|-+)\s*\|/.test(line))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .map(([, feature = "", , shown = ""]) => ({ feature, shown }));
}

/** `[x.test.ts](../path/x.test.ts) “title”`, one or more of them. */
const SHOWN = /\[[^\]]+\]\((?<path>[^)]+\.(?:test|spec)\.ts)\)\s+“(?<title>[^”]+)”/g;

function findFault({ shown }: Row): string | undefined {
  if (/^not made, because .{20,}/.test(shown)) return undefined;
  const tests = [...shown.matchAll(SHOWN)];
  if (tests.length === 0) return "neither a test nor “not made, because …”";
  return tests
    .map(({ groups: { path = "", title = "" } = {} }) => {
      const tested = join(dirname(file), path);
      if (!existsSync(tested)) return `${path} is not there`;
      const text = readFileSync(tested, "utf8");
      const isTitle = ['"', "`"].some((quote) => text.includes(quote + title + quote));
      return isTitle ? undefined : `${path} has no test “${title}”`;
    })
    .find((fault) => fault !== undefined);
}

describe("conformance", () => {
  const rows = readRows();

  test("every feature of the checklist has its row, in its order", () => {
    expect(rows.map((row) => row.feature)).toEqual(FEATURES);
  });

  test.each(rows)("$feature: shown by a test that is there, or not made for a reason", (row) => {
    expect(findFault(row)).toBeUndefined();
  });

  test.each([
    ["nothing", ""],
    ["a reason that says nothing", "not made, because no"],
    ["a test that is not there", "[x.test.ts](../scripts/tests/x.test.ts) “x”"],
    ["a title that is not there", `[conformance.test.ts](../scripts/tests/conformance.test.ts) “${"y".repeat(9)}”`],
    [
      "a part of a title",
      "[conformance.test.ts](../scripts/tests/conformance.test.ts) “feature of the checklist has its row”",
    ],
  ])("a row with %s is found", (_name, shown) => {
    expect(findFault({ feature: "", shown })).toBeDefined();
  });
});
