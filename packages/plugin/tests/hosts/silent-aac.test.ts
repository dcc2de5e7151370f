import { describe, expect, test } from "vitest";
import { createSilence } from "../../src/hosts/silent-aac.ts";
import { formatInit } from "./init-segment.ts";

/** What a reader finds: the track, how long each frame is, how many there are, and where the media begins. */
function read(bytes: Uint8Array | undefined): readonly number[] | undefined {
  if (!bytes) return undefined;
  const view = new DataView(bytes.buffer);
  return [11, 12, 22, 23].map((index) => view.getUint32(index * 4));
}

describe("createSilence", () => {
  test("fills 80 ms at 48 kHz with three frames, less a tick each, which would reach into what follows", () => {
    expect(read(createSilence(formatInit(), 0.08))).toEqual([7, 1279, 3, 104]);
  });

  test("is one frame, cut short, where there is no room for a whole one", () => {
    expect(read(createSilence(formatInit(), 0.015))).toEqual([7, 719, 1, 104]);
  });

  test("reads headers of either version", () => {
    expect(read(createSilence(formatInit({ version: 1 }), 0.08))).toEqual([7, 1279, 3, 104]);
  });

  test("has a frame of the track's channels in its media", () => {
    expect([...(createSilence(formatInit({ config: [0x11, 0x88] }), 0.02) ?? [])].slice(104)).toEqual([
      0x00, 0xc8, 0x00, 0x80, 0x23, 0x80,
    ]);
    expect(createSilence(formatInit(), 0.02)).toHaveLength(104 + 9);
  });

  test("there is none for six channels, for HE-AAC, for an encrypted track, or for what is no track", () => {
    expect(createSilence(formatInit({ config: [0x11, 0xb0] }), 0.08)).toBeUndefined();
    expect(createSilence(formatInit({ config: [0x29, 0x90] }), 0.08)).toBeUndefined();
    expect(createSilence(formatInit({ entry: "enca" }), 0.08)).toBeUndefined();
    expect(createSilence(new Uint8Array(), 0.08)).toBeUndefined();
  });

  test("there is none for a track that is cut off anywhere", () => {
    const init = formatInit();
    for (let length = 0; length < init.length; length++)
      expect(createSilence(init.slice(0, length), 0.08)).toBeUndefined();
  });
});
