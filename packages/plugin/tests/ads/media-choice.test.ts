import type { Creative, MediaFile } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { createDevice } from "../../src/ads/device-facts.ts";
import { readBitrate, selectMediaFiles } from "../../src/ads/media-choice.ts";

const file = (id: string, more: Partial<MediaFile> = {}): MediaFile => ({
  url: `https://ads.example/${id}.mp4`,
  type: "video/mp4",
  delivery: "progressive",
  id,
  width: undefined,
  height: undefined,
  bitrateKbps: undefined,
  codec: undefined,
  apiFramework: undefined,
  fileSize: undefined,
  ...more,
});
const LADDER = [
  file("high", { bitrateKbps: 5000 }),
  file("low", { bitrateKbps: 700 }),
  file("mid", { bitrateKbps: 2000 }),
];
const MAX = 24_000_000;

const choose = (mediaFiles: Creative["mediaFiles"], bandwidthBps?: number, maxBytes = MAX): string | undefined =>
  selectMediaFiles({ mediaFiles, duration: 15 }, bandwidthBps, maxBytes)[0]?.id;

describe("selectMediaFiles", () => {
  test.each([
    [20_000_000, "high"],
    [7_142_858, "high"],
    [7_142_856, "mid"],
    [2_000_000, "low"],
    [300_000, "low"],
    [undefined, "mid"],
  ])("at %s bit/s the highest that takes 0.7 of it, else the lowest: %s", (bandwidthBps, id) => {
    expect(choose(LADDER, bandwidthBps)).toBe(id);
  });

  test("what VAST says of the size stands for the bitrate", () => {
    const files = [file("big", { fileSize: 20_000_000 }), file("small", { fileSize: 1_500_000 })];
    expect(choose(files, 2_000_000)).toBe("small");
    expect(readBitrate(file("small", { fileSize: 1_500_000 }), 15)).toBe(800);
    expect(readBitrate(file("small", { fileSize: 1_500_000 }), 0)).toBeUndefined();
  });

  test("of equal bitrates the one with more lines is taken, and one without a bitrate only where there is no other", () => {
    const files = [
      file("?"),
      file("a", { bitrateKbps: 800, height: 360 }),
      file("b", { bitrateKbps: 800, height: 720 }),
    ];
    expect(choose(files, 10_000_000)).toBe("b");
    expect(choose([file("?")], 100_000)).toBe("?");
  });

  test("in its place those are taken that the connection bears, then the others from the lowest on", () => {
    const files = selectMediaFiles(
      { mediaFiles: [file("?"), file("top", { bitrateKbps: 8000 }), ...LADDER], duration: 15 },
      3_000_000,
      MAX,
    );
    expect(files.map(({ id }) => id)).toEqual(["mid", "low", "high", "top", "?"]);
  });

  test("a bitrate of 0 says nothing", () => {
    expect(choose([file("0", { bitrateKbps: 0, height: 2160 }), file("low", { bitrateKbps: 700 })], 900_000)).toBe(
      "low",
    );
  });

  test("what is too large by its bitrate and length is not taken, nor what is named as another codec", () => {
    const long = (files: Creative["mediaFiles"]): string | undefined =>
      selectMediaFiles({ mediaFiles: files, duration: 60 }, 20_000_000, MAX)[0]?.id;
    expect(long([file("large", { bitrateKbps: 8000 }), file("fits", { bitrateKbps: 2500 })])).toBe("fits");
    const hevc = file("hevc", { bitrateKbps: 2000, codec: "hvc1.1.6.L93.B0" });
    expect(long([hevc, file("avc", { bitrateKbps: 900, codec: "avc1.64001f" })])).toBe("avc");
    expect(long([hevc])).toBeUndefined();
  });

  test("what is too large, interactive, no MP4 or no address is not taken", () => {
    const files = [
      file("large", { bitrateKbps: 900, fileSize: MAX + 1 }),
      file("vpaid", { bitrateKbps: 900, apiFramework: "VPAID" }),
      file("webm", { bitrateKbps: 900, type: "video/webm" }),
      file("broken", { bitrateKbps: 900, url: "spot.mp4" }),
    ];
    expect(choose(files, 10_000_000)).toBeUndefined();
    expect(choose([...files, file("good", { type: "video/quicktime" })], 10_000_000)).toBe("good");
  });
});

describe("createDevice", () => {
  test("says nothing bad of a browser that tells nothing", async () => {
    const unknown = { savesData: false, connection: undefined, downlinkBps: undefined, isBatteryLow: false };
    for (const navigator of [undefined, {}, { getBattery: () => Promise.reject(new Error("forbidden")) }]) {
      const device = createDevice(navigator);
      await Promise.resolve();
      expect(device()).toEqual(unknown);
    }
  });

  test("reads connection and battery each time, since they change", async () => {
    const connection = { saveData: true, effectiveType: "3g", downlink: 0.7 };
    const battery = { level: 0.14, charging: false };
    const device = createDevice({ connection, getBattery: () => Promise.resolve(battery) });
    await new Promise<void>((resolve) => setTimeout(resolve));
    expect(device()).toEqual({ savesData: true, connection: "slow", downlinkBps: 700_000, isBatteryLow: true });
    Object.assign(connection, { saveData: false, effectiveType: "4g" });
    battery.charging = true;
    expect(device()).toMatchObject({ savesData: false, connection: "fast", isBatteryLow: false });
  });
});
