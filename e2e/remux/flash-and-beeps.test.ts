/** The reader of flashes and beeps, on sources whose offsets are known. */
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { FLASHES } from "./creatives.ts";
import { readFlashAndBeeps } from "./flash-and-beeps.ts";
import { makeColdCreatives } from "./make-creatives.ts";

/** Seconds from the file's first moment to flash and beep of the first second. */
const KNOWN = [
  { file: "01-pyramid.mp4", what: "sound as it was made", flash: 1, beep: 1 },
  { file: "10-late-sound.mp4", what: "an edit list that delays the sound", flash: 1, beep: 1.3 },
  { file: "11-late-picture.mp4", what: "an edit list that delays the pictures", flash: 1.2, beep: 1 },
  { file: "19-ntsc.mp4", what: "pictures of another rate", flash: 1.001, beep: 1 },
  // what voaacenc puts before the sound, and no edit list says it
  { file: "29-gst-avc3.mp4", what: "sound behind its pictures", flash: 1, beep: 1.036 },
];

describe("readFlashAndBeeps", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await makeColdCreatives();
  }, 300_000);

  test.for(KNOWN)("reads $what", async ({ file, flash, beep }) => {
    const { flashes, beeps } = await readFlashAndBeeps(join(folder, file));
    expect(flashes).toHaveLength(FLASHES.length);
    expect(beeps).toHaveLength(FLASHES.length);
    for (const [index, at] of FLASHES.entries()) {
      // a picture of the other rate comes up to 5 ms behind the second
      expect(Math.abs((flashes[index] ?? NaN) - (at - 1) - flash)).toBeLessThan(0.005);
      expect(Math.abs((beeps[index] ?? NaN) - (at - 1) - beep)).toBeLessThan(0.002);
    }
  });

  test("hears nothing where there is no sound", async () => {
    const { flashes, beeps } = await readFlashAndBeeps(join(folder, "30-gst-timescale-600.mp4"));
    expect(flashes).toHaveLength(FLASHES.length);
    expect(beeps).toEqual([]);
  });
});
