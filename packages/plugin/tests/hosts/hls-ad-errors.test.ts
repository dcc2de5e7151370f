import { describe, expect, test } from "vitest";
import { selectFault } from "../../src/hosts/hls-ad-errors.ts";

const reasonOf = (details: string, isFatal = false): string | undefined => selectFault(details, isFatal, false)?.reason;

describe("selectFault", () => {
  test("a fragment that is not there, that is late and that cannot be decoded have their own VAST errors", () => {
    expect(
      ["fragLoadError", "fragLoadTimeOut", "fragParsingError", "bufferAppendError"].map((it) => reasonOf(it)),
    ).toEqual(["media-unavailable", "media-timeout", "source-unreadable", "source-unreadable"]);
  });

  test("a fragment that the page makes is not there where its source cannot be read", () => {
    const reasons = ["fragLoadError", "fragLoadTimeOut"].map((it) => selectFault(it, false, false, true)?.reason);
    expect(reasons).toEqual(["source-unreadable", "media-timeout"]);
  });

  test("what hls.js mends itself is no fault of an ad", () => {
    const mended = ["bufferSeekOverHole", "bufferNudgeOnStall", "bufferStalledError", "fragGap", "levelLoadError"];
    expect(mended.map((details) => reasonOf(details))).toEqual(mended.map(() => undefined));
  });

  test("a stall that hls.js gives up is of what is on screen", () => {
    expect(selectFault("bufferStalledError", true, false)).toMatchObject({ isOfPlayhead: true, source: "kept" });
  });

  test("a failed load may be chance unless hls.js gives up", () => {
    expect([false, true].map((fatal) => selectFault("fragLoadError", fatal, false)?.mayBeChance)).toEqual([
      true,
      false,
    ]);
  });

  test("a media source is made anew by hls.js once, and by the plugin where hls.js does not", () => {
    expect(selectFault("mediaSourceRequiresReset", false, true)?.source).toBe("renewed");
    expect(selectFault("bufferAppendError", false, true)?.source).toBe("stuck");
    expect(selectFault("bufferAddCodecError", true, false)?.source).toBe("stuck");
  });
});
