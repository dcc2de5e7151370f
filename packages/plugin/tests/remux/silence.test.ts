import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { createSilence } from "../../src/hosts/silent-aac.ts";
import { createSilentFrame } from "../../src/remux/silence.ts";
import { formatInit } from "../hosts/init-segment.ts";

/** Twenty frames of it as ADTS at 48 kHz. */
function formatAdts(channels: number): Uint8Array {
  const frame = createSilentFrame(channels);
  const length = 7 + frame.length;
  const head = [0xff, 0xf1, 0x4c | (channels >> 2), ((channels & 3) << 6) | (length >> 11), (length >> 3) & 255];
  const unit = [...head, ((length & 7) << 5) | 0x1f, 0xfc, ...frame];
  return Uint8Array.from(Array.from({ length: 20 }, () => unit).flat());
}

describe("createSilentFrame", () => {
  test("ffmpeg decodes nothing but silence in as many channels, without a warning", () => {
    for (const [channels, count] of [1, 2, 3, 4, 5, 6, 8].entries()) {
      const args = ["-v", "warning", "-xerror", "-f", "aac", "-i", "pipe:0", "-f", "s16le", "pipe:1"];
      const samples = execFileSync("ffmpeg", args, {
        input: formatAdts(channels + 1),
        stdio: ["pipe", "pipe", "pipe"],
      });
      expect(samples).toHaveLength(20 * 1024 * 2 * count);
      expect(samples.every((byte) => byte === 0)).toBe(true);
    }
  });

  test("mono and stereo are those that the hosts fill holes with", () => {
    const mono = createSilence(formatInit({ config: [0x11, 0x88] }), 0.02);
    expect(createSilentFrame(1)).toEqual(mono?.slice(104));
    expect(createSilentFrame(2)).toEqual(createSilence(formatInit(), 0.02)?.slice(104));
  });

  test("an arrangement of channels that is none of the standard's is refused", () => {
    for (const channels of [0, 8, 15])
      expect(() => createSilentFrame(channels)).toThrow(
        expect.objectContaining({ name: "MediaRefusal", reason: "unsupported-media-file" }),
      );
  });
});
