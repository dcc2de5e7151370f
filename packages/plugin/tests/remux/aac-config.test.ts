import { describe, expect, test } from "vitest";
import { parseAudioSpecificConfig, parseEsds } from "../../src/remux/aac-config.ts";
import { join, type Part } from "./write-boxes.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

describe("parseAudioSpecificConfig", () => {
  test.each([
    { coding: "AAC-LC", hex: "1190", index: 3, rate: 48_000, output: 48_000, channels: 2, codec: "mp4a.40.2" },
    { coding: "AAC-LC in mono", hex: "1388", index: 7, rate: 22_050, output: 22_050, channels: 1, codec: "mp4a.40.2" },
    {
      coding: "AAC-LC, padded",
      hex: "119000",
      index: 3,
      rate: 48_000,
      output: 48_000,
      channels: 2,
      codec: "mp4a.40.2",
    },
    { coding: "AAC-LC 5.1", hex: "11b0", index: 3, rate: 48_000, output: 48_000, channels: 6, codec: "mp4a.40.2" },
    { coding: "HE-AAC", hex: "2b920800", index: 7, rate: 22_050, output: 44_100, channels: 2, codec: "mp4a.40.5" },
    { coding: "HE-AAC v2", hex: "eb0a0800", index: 6, rate: 24_000, output: 44_100, channels: 1, codec: "mp4a.40.29" },
    {
      coding: "HE-AAC that old decoders take for AAC-LC",
      hex: "139056e5a54800",
      index: 7,
      rate: 22_050,
      output: 44_100,
      channels: 2,
      codec: "mp4a.40.5",
    },
    {
      coding: "AAC-LC that says that it is no HE-AAC",
      hex: "119056e500",
      index: 3,
      rate: 48_000,
      output: 48_000,
      channels: 2,
      codec: "mp4a.40.2",
    },
    {
      coding: "a rate that is written out",
      hex: "1780562208",
      index: 4,
      rate: 44_100,
      output: 44_100,
      channels: 1,
      codec: "mp4a.40.2",
    },
  ])("$coding", ({ hex, index, rate, output, channels, codec }) => {
    expect(parseAudioSpecificConfig(bytes(hex))).toEqual({
      codec,
      aac: { objectType: 2, sampleRateIndex: index, sampleRate: rate, channels, outputRate: output },
    });
  });

  test.each([
    {
      what: "another object than low complexity",
      hex: "0990",
      message: "expected low complexity (2), got object type 1",
    },
    { what: "an object type beyond 31", hex: "f9482000", message: "got object type 42" },
    { what: "frames of 960 samples", hex: "1194", message: "expected frames of 1024 samples" },
    { what: "a core coder", hex: "1192", message: "expected no core coder" },
    { what: "channels that the stream itself maps", hex: "1180", message: "channelConfiguration of 1 to 7, got 0" },
    { what: "a reserved rate", hex: "1690", message: "sample rates, got 0 (index 13)" },
    { what: "a rate that ADTS cannot say", hex: "17800c9c48", message: "sample rates, got 6456 (index 15)" },
  ])("$what is not supported", ({ hex, message }) => {
    const reason = "unsupported-media-file";
    const expected = expect.objectContaining({ reason, message: expect.stringContaining(message) });
    expect(() => parseAudioSpecificConfig(bytes(hex))).toThrow(expected);
  });

  test("one that ends early is unreadable", () => {
    const expected = expect.objectContaining({ name: "MediaRefusal", reason: "source-unreadable" });
    for (const hex of ["", "11", "2b92"]) expect(() => parseAudioSpecificConfig(bytes(hex))).toThrow(expected);
  });
});

describe("parseEsds", () => {
  const descriptor = (tag: number, ...parts: readonly Part[]): Uint8Array => {
    const body = join(...parts);
    return join([tag, body.length], body);
  };
  const config = (objectType: number, ...parts: readonly Part[]): Uint8Array =>
    descriptor(4, [objectType, 0x15], new Uint8Array(11), ...parts);
  const SPECIFIC = descriptor(5, bytes("1190"));
  const VERSION = new Uint8Array(4);

  test("the configuration lies in the third of three descriptors", () => {
    const esds = join(VERSION, descriptor(3, [0, 1, 0], config(0x40, SPECIFIC), descriptor(6, [2])));
    expect(parseEsds(esds).aac.sampleRate).toBe(48_000);
  });

  test("a stream may depend on another, have an address and a clock", () => {
    const esds = join(VERSION, descriptor(3, [0, 1, 0xe0, 0, 2, 3, 1, 1, 1, 0, 9], config(0x40, SPECIFIC)));
    expect(parseEsds(esds).aac.sampleRate).toBe(48_000);
  });

  test("lengths of four bytes, as most muxers write them", () => {
    const long = (tag: number, body: Uint8Array): Uint8Array => join([tag, 0x80, 0x80, 0x80, body.length], body);
    const specific = long(5, bytes("1190"));
    const esds = join(VERSION, long(3, join([0, 1, 0], long(4, join([0x40, 0x15], new Uint8Array(11), specific)))));
    expect(parseEsds(esds).aac.channels).toBe(2);
  });

  test("AAC-LC under its name in MPEG-2", () => {
    expect(parseEsds(join(VERSION, descriptor(3, [0, 1, 0], config(0x67, SPECIFIC)))).codec).toBe("mp4a.40.2");
  });

  test("MP3 is not supported", () => {
    const esds = join(VERSION, descriptor(3, [0, 1, 0], config(0x6b)));
    const expected = {
      reason: "unsupported-media-file",
      message: "MP4 esds: expected AAC (0x40), got object type 0x6b",
    };
    expect(() => parseEsds(esds)).toThrow(expect.objectContaining(expected));
  });

  test.each([
    { what: "no descriptor", esds: VERSION },
    { what: "none of a decoder", esds: join(VERSION, descriptor(3, [0, 1, 0])) },
    { what: "one longer than the box", esds: join(VERSION, [3, 0x7f, 0, 1, 0]) },
    { what: "a length that does not end", esds: join(VERSION, [3, 0xff, 0xff]) },
  ])("$what: unreadable", ({ esds }) => {
    expect(() => parseEsds(esds)).toThrow(expect.objectContaining({ reason: "source-unreadable" }));
  });
});
