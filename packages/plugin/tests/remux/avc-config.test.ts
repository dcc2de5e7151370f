import { expect, test } from "vitest";
import { formatAvcProfile, parseAvcConfig } from "../../src/remux/avc-config.ts";
import { join } from "./write-boxes.ts";

const HEAD = [1, 0x64, 0, 0x1f];
const SPS = [0x67, 0x64, 0, 0x1f, 0xac];
const PPS = [0x68, 0xee];

test("the parameter sets and the bytes of a NAL unit's length", () => {
  const avcC = join(HEAD, [0xff, 0xe1, 0, 5], SPS, [2, 0, 2], PPS, [0, 2], PPS, [0xfd, 0xf8, 0xf8, 0]);
  const sets = { sps: [Uint8Array.from(SPS)], pps: [Uint8Array.from(PPS), Uint8Array.from(PPS)] };
  expect(parseAvcConfig(avcC)).toEqual({ lengthSize: 4, ...sets });
  expect(formatAvcProfile(avcC)).toBe("64001f");
  expect(parseAvcConfig(join(HEAD, [0xfd, 0xe0, 0]))).toEqual({ lengthSize: 2, sps: [], pps: [] });
  expect(parseAvcConfig(join(HEAD, [0xfc, 0xe0, 0])).lengthSize).toBe(1);
});

test.each([
  { what: "lengths of 3 bytes", avcC: join(HEAD, [0xfe, 0xe0, 0]), reason: "source-unreadable" },
  { what: "a later version", avcC: join([2, 0x64, 0, 0x1f], [0xff, 0xe0, 0]), reason: "unsupported-media-file" },
  { what: "a set longer than the box", avcC: join(HEAD, [0xff, 0xe1, 0xff, 0xff], SPS), reason: "source-unreadable" },
  {
    what: "a picture set for a sequence set",
    avcC: join(HEAD, [0xff, 0xe1, 0, 2], PPS, [0]),
    reason: "source-unreadable",
  },
  {
    what: "a box of 20 kB",
    avcC: join(HEAD, [0xff, 0xe0, 0], Array(20_000).fill(0)),
    reason: "unsupported-media-file",
  },
  { what: "an empty set", avcC: join(HEAD, [0xff, 0xe1, 0, 0], [0]), reason: "source-unreadable" },
  { what: "an empty box", avcC: new Uint8Array(), reason: "source-unreadable" },
])("$what is refused", ({ avcC, reason }) => {
  expect(() => parseAvcConfig(avcC)).toThrow(expect.objectContaining({ name: "MediaRefusal", reason }));
});
