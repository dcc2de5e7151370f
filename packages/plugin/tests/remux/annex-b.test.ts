/** Samples of a file as the byte stream that they become. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { writePicture } from "../../src/remux/annex-b.ts";
import { ByteSink } from "../../src/remux/byte-sink.ts";
import type { AvcConfig } from "../../src/remux/movie.ts";
import { splitUnits } from "./read-stream.ts";

const SPS = Uint8Array.of(0x67, 1, 2, 3);
const PPS = Uint8Array.of(0x68, 4, 5);
const LENGTH_SIZES = [1, 2, 4] as const;

function configOf(lengthSize: AvcConfig["lengthSize"]): AvcConfig {
  return { lengthSize, sps: [SPS], pps: [PPS] };
}

function formatSample(lengthSize: AvcConfig["lengthSize"], units: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    units.flatMap((unit) => {
      const length = Buffer.alloc(lengthSize);
      length.writeUIntBE(unit.length, 0, lengthSize);
      return [length, unit];
    }),
  );
}

/** Hexadecimal NAL units of one picture; whether there is a slice. */
function convert(sample: Uint8Array, config: AvcConfig, hasSets: boolean): readonly [readonly string[], boolean] {
  const sink = new ByteSink(0);
  const writing = writePicture(sink, sample, config, hasSets);
  for (;;) {
    const step = writing.next();
    if (!step.done) continue;
    const units = splitUnits(Buffer.from(sink.bytes.subarray(0, sink.length)));
    return [units.map((unit) => unit.toString("hex")), step.value];
  }
}

describe("writePicture", () => {
  test.each(LENGTH_SIZES)("reads lengths of %d bytes", (lengthSize) => {
    const sample = formatSample(lengthSize, [Uint8Array.of(0x65, 9, 9)]);
    expect(convert(sample, configOf(lengthSize), true)).toEqual([["09f0", "67010203", "680405", "650909"], true]);
    expect(convert(sample, configOf(lengthSize), false)).toEqual([["09f0", "650909"], true]);
  });

  test("has one delimiter and every parameter set once, and no filler", () => {
    const inBand = Uint8Array.of(0x68, 7);
    const units = [Uint8Array.of(9, 0x10), SPS, PPS, inBand, Uint8Array.of(0x65, 1), Uint8Array.of(12, 0xff, 0x80)];
    const [written] = convert(formatSample(4, units), configOf(4), true);
    expect(written).toEqual(["09f0", "67010203", "680405", "6807", "6501"]);
  });

  test("keeps parameter sets that are sent again between key pictures", () => {
    const [written] = convert(formatSample(4, [PPS, Uint8Array.of(0x41, 1)]), configOf(4), false);
    expect(written).toEqual(["09f0", "680405", "4101"]);
  });

  test("finds no picture in messages alone, nor in an empty sample", () => {
    expect(convert(formatSample(4, [Uint8Array.of(6, 1)]), configOf(4), false)[1]).toBe(false);
    expect(convert(new Uint8Array(), configOf(4), true)[1]).toBe(false);
  });

  test("reads over a few bytes of padding, and refuses a NAL unit that is longer than its sample", () => {
    const sample = formatSample(4, [Uint8Array.of(0x41, 1)]);
    expect(convert(Buffer.concat([sample, Buffer.alloc(3)]), configOf(4), false)[0]).toEqual(["09f0", "4101"]);
    const longer = Buffer.concat([sample, Buffer.from([0, 0, 0, 2, 0x41])]);
    expect(() => convert(longer, configOf(4), false)).toThrow("NAL unit: expected 1 bytes at most, got 2");
  });

  test("lets the page go on as often where a picture is nothing but tiny parts", () => {
    const units = Array.from({ length: 2560 }, () => Uint8Array.of(0x68));
    const writing = writePicture(new ByteSink(0), formatSample(1, units), configOf(1), true);
    expect([...writing].length).toBeGreaterThanOrEqual(10);
  });

  test("loses no NAL unit of any sample", () => {
    // not what Annex B forbids within a unit, nor what is left out
    const unit = fc
      .tuple(fc.constantFrom(1, 2, 5, 6, 13, 0x61), fc.uint8Array({ maxLength: 100 }))
      .map(([type, rest]) => Uint8Array.from([type, ...rest.map((byte) => byte | 0x80)]));
    const property = fc.property(
      fc.array(unit),
      fc.constantFrom(...LENGTH_SIZES),
      fc.boolean(),
      (units, size, hasSets) => {
        const [written] = convert(formatSample(size, units), configOf(size), hasSets);
        const sets = hasSets ? ["67010203", "680405"] : [];
        expect(written).toEqual(["09f0", ...sets, ...units.map((one) => Buffer.from(one).toString("hex"))]);
      },
    );
    fc.assert(property);
  });
});
