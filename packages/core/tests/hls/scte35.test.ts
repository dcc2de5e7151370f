import { AdError, decodeScte35, parseScte35, type Segmentation } from "@interlude/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bytesToBits,
  descriptor,
  encodeBase64,
  encodeHex,
  encodeSection,
  type SectionParts,
  segmentation,
  spliceInsert,
  timeSignal,
  uint,
} from "./scte35-encoder.ts";

const SPLICE_INSERT = "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=";
const OPPORTUNITY_START = "/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==";
const OPPORTUNITY_END = "/DAvAAAAAAAA///wBQb+dGKQoAAZAhdDVUVJSAAAjn+fCAgAAAAALKChijUCAKnMZ1g=";

const decode = (parts: SectionParts) => decodeScte35(encodeSection(parts));
const segmentationsOf = (...descriptors: readonly string[]): readonly Segmentation[] =>
  decode({ ...timeSignal(0), descriptors }).segmentations;
const ascii = (text: string): readonly number[] => [...Buffer.from(text)];

function outcomeOf(section: Uint8Array): string {
  try {
    decodeScte35(section);
    return "decoded";
  } catch (error) {
    return error instanceof AdError ? error.code : String(error);
  }
}

describe("the sections of the standard", () => {
  test("a splice_insert that goes out of the network for a minute and returns by itself", () => {
    expect(parseScte35(SPLICE_INSERT)).toEqual({
      ptsAdjustment: 0,
      tier: 0xfff,
      command: {
        kind: "splice-insert",
        eventId: 0x4800008f,
        isCancelled: false,
        isOutOfNetwork: true,
        isImmediate: false,
        spliceTime: 0x07369c02e / 90_000,
        components: [],
        duration: 0x00052ccf5 / 90_000,
        autoReturn: true,
        uniqueProgramId: 0,
        availNumber: 0,
        availsExpected: 0,
      },
      segmentations: [],
    });
  });

  test("a time_signal that starts a placement opportunity", () => {
    expect(parseScte35(OPPORTUNITY_START)).toEqual({
      ptsAdjustment: 0,
      tier: 0xfff,
      command: { kind: "time-signal", spliceTime: 0x072bd0050 / 90_000 },
      segmentations: [
        {
          eventId: 0x4800008e,
          isCancelled: false,
          typeId: 0x34,
          duration: 307,
          upidType: 0x08,
          upid: "0x000000002ca0a18a",
          upids: [{ type: 0x08, value: "0x000000002ca0a18a" }],
          segmentNumber: 2,
          segmentsExpected: 0,
          subSegmentNumber: undefined,
          subSegmentsExpected: undefined,
          restrictions: {
            isWebAllowed: false,
            hasNoRegionalBlackout: true,
            isArchiveAllowed: true,
            deviceGroup: 3,
          },
          components: [],
        },
      ],
    });
  });

  test("a time_signal that ends a placement opportunity", () => {
    const { command, segmentations } = parseScte35(OPPORTUNITY_END);
    expect(command).toEqual({ kind: "time-signal", spliceTime: 0x0746290a0 / 90_000 });
    expect(segmentations).toEqual([
      {
        eventId: 0x4800008e,
        isCancelled: false,
        typeId: 0x35,
        duration: undefined,
        upidType: 0x08,
        upid: "0x000000002ca0a18a",
        upids: [{ type: 0x08, value: "0x000000002ca0a18a" }],
        segmentNumber: 2,
        segmentsExpected: 0,
        subSegmentNumber: undefined,
        subSegmentsExpected: undefined,
        restrictions: { isWebAllowed: true, hasNoRegionalBlackout: true, isArchiveAllowed: true, deviceGroup: 3 },
        components: [],
      },
    ]);
  });
});

describe("the text of a section", () => {
  test("is base64, padded or not, of either alphabet, or hexadecimal", () => {
    const section = parseScte35(OPPORTUNITY_START);
    const hex = Buffer.from(OPPORTUNITY_START, "base64").toString("hex");
    const spellings = [
      OPPORTUNITY_START.replaceAll("=", ""),
      OPPORTUNITY_START.replaceAll("/", "_").replaceAll("+", "-"),
      ` ${OPPORTUNITY_START}\r`,
      `0x${hex}`,
      `0X${hex.toUpperCase()}`,
    ];
    for (const text of spellings) expect(parseScte35(text)).toEqual(section);
  });

  test.each([
    ["", "expected base64, or hexadecimal after 0x"],
    ["/DA*", "expected base64, or hexadecimal after 0x"],
    ["0xFC3", "expected base64, or hexadecimal after 0x"],
    ["0xFC3G", "expected base64, or hexadecimal after 0x"],
    ["/DAv", "SCTE-35 section: expected 50 bytes, got 3"],
    ["/D", "expected 4 more bits in a part, got 0"],
    ["A".repeat(20_000), "(20000 characters)"],
  ])("that is neither is refused: %s", (text, message) => {
    expect(() => parseScte35(text)).toThrow(message);
  });
});

describe("times", () => {
  const range = 2 ** 33;

  test("are moved by pts_adjustment, and roll over after 33 bits", () => {
    const signal = { ...timeSignal(range - 90_000), ptsAdjustment: 180_000 };
    expect(decode(signal)).toMatchObject({ ptsAdjustment: 2, command: { spliceTime: 1 } });
    const insert = spliceInsert({ eventId: 1, ticks: range - 1, duration: 900_000 });
    expect(decode({ ...insert, ptsAdjustment: 1 }).command).toMatchObject({ spliceTime: 0, duration: 10 });
    expect(decode(timeSignal(range - 1)).command).toMatchObject({ spliceTime: (range - 1) / 90_000 });
  });

  test("that are not specified are unknown", () => {
    expect(decode(timeSignal()).command).toEqual({ kind: "time-signal", spliceTime: undefined });
  });
});

describe("a splice_insert", () => {
  test("that is cancelled has nothing but its id", () => {
    const command = decode(spliceInsert({ eventId: 0xffffffff, isCancelled: true })).command;
    expect(command).toMatchObject({
      eventId: 0xffffffff,
      isCancelled: true,
      isOutOfNetwork: false,
      duration: undefined,
    });
  });

  test("that is immediate has no time", () => {
    expect(decode(spliceInsert({ eventId: 7, isOut: false, isImmediate: true })).command).toEqual({
      kind: "splice-insert",
      eventId: 7,
      isCancelled: false,
      isOutOfNetwork: false,
      isImmediate: true,
      spliceTime: undefined,
      components: [],
      duration: undefined,
      autoReturn: false,
      uniqueProgramId: 0x1234,
      availNumber: 2,
      availsExpected: 5,
    });
  });

  test("by component has a time for each", () => {
    const components = [
      [1, 90_000],
      [9, undefined],
    ] as const;
    const { command } = decode({
      ...spliceInsert({ eventId: 7, components, duration: 45_000 }),
      ptsAdjustment: 90_000,
    });
    expect(command).toMatchObject({
      spliceTime: undefined,
      components: [
        { tag: 1, spliceTime: 2 },
        { tag: 9, spliceTime: undefined },
      ],
      duration: 0.5,
      autoReturn: false,
      availsExpected: 5,
    });
    const immediate = decode(spliceInsert({ eventId: 7, components, isImmediate: true })).command;
    expect(immediate).toMatchObject({ components: [{ tag: 1 }, { tag: 9 }], availNumber: 2 });
  });

  test("whose length the encoder did not give is read to its end", () => {
    const descriptors = [segmentation({ eventId: 3, typeId: 0x30 })];
    const section = decode({ ...spliceInsert({ eventId: 7, ticks: 0 }), commandLength: 0xfff, descriptors });
    expect(section).toMatchObject({ command: { eventId: 7 }, segmentations: [{ eventId: 3 }] });
  });
});

describe("other commands", () => {
  test.each([
    ["splice_null", 0x00, ""],
    ["splice_schedule", 0x04, uint(0, 8)],
    ["bandwidth_reservation", 0x07, ""],
    ["private_command", 0xff, bytesToBits([0x43, 0x55, 0x45, 0x49, 1, 2, 3])],
    ["one that is not known", 0x42, uint(0, 64)],
  ])("%s is given by its number, with its descriptors", (_, commandType, command) => {
    const descriptors = [segmentation({ eventId: 3, typeId: 0x30 })];
    const section = decode({ commandType, command, descriptors });
    expect(section.command).toEqual({ kind: "other", type: commandType });
    expect(section.segmentations).toMatchObject([{ eventId: 3 }]);
  });

  test("whose length is not given hide their descriptors, but splice_null has none", () => {
    const descriptors = [segmentation({ eventId: 3, typeId: 0x30 })];
    const spliceNull = decode({ commandType: 0, command: "", commandLength: 0xfff, descriptors });
    expect(spliceNull.segmentations).toMatchObject([{ eventId: 3 }]);
    const schedule = decode({ commandType: 4, command: uint(0, 8), commandLength: 0xfff, descriptors });
    expect(schedule).toMatchObject({ command: { kind: "other", type: 4 }, segmentations: [] });
  });
});

describe("a segmentation descriptor", () => {
  test("of any type from 0x10 to 0x3B is read", () => {
    for (let typeId = 0x10; typeId <= 0x3b; typeId++) {
      const [found] = segmentationsOf(segmentation({ eventId: typeId, typeId, duration: 2_700_000 }));
      expect(found).toMatchObject({ eventId: typeId, typeId, duration: 30, segmentNumber: 1, segmentsExpected: 2 });
    }
  });

  test("of type 0x01, and a UPID of the type 0x01 that is out of use, are read", () => {
    const [found] = segmentationsOf(segmentation({ eventId: 1, typeId: 0x01, upidType: 0x01, upid: ascii("old") }));
    expect(found).toMatchObject({ typeId: 0x01, upidType: 0x01, upid: "old" });
  });

  test.each([0x34, 0x36, 0x38, 0x3a])("of type 0x%s has sub-segments where the encoder wrote them", (typeId) => {
    const [written] = segmentationsOf(segmentation({ eventId: 1, typeId, subSegments: [3, 4] }));
    expect(written).toMatchObject({ subSegmentNumber: 3, subSegmentsExpected: 4 });
    const [without] = segmentationsOf(segmentation({ eventId: 1, typeId }));
    expect(without).toMatchObject({ subSegmentNumber: undefined, subSegmentsExpected: undefined });
  });

  test("of a type without sub-segments does not take what follows for them", () => {
    const [found] = segmentationsOf(segmentation({ eventId: 1, typeId: 0x30, subSegments: [3, 4] }));
    expect(found).toMatchObject({ subSegmentNumber: undefined });
  });

  test("that is cancelled has nothing but its id", () => {
    const [found] = segmentationsOf(segmentation({ eventId: 5, typeId: 0x30, isCancelled: true }));
    expect(found).toMatchObject({ eventId: 5, isCancelled: true, typeId: 0, upids: [] });
  });

  test("in component mode has an offset for each component", () => {
    const parts = { eventId: 5, typeId: 0x32, components: [[1, 90_000] as const, [2, 2 ** 33 - 1] as const] };
    const [found] = segmentationsOf(segmentation({ ...parts, duration: 2 ** 40 - 1 }));
    expect(found).toMatchObject({
      components: [
        { tag: 1, ptsOffset: 1 },
        { tag: 2, ptsOffset: (2 ** 33 - 1) / 90_000 },
      ],
      duration: (2 ** 40 - 1) / 90_000,
      typeId: 0x32,
    });
  });

  test("may restrict delivery", () => {
    const restrictions = [true, false, true, 2] as const;
    const [found] = segmentationsOf(segmentation({ eventId: 5, typeId: 0x30, restrictions }));
    expect(found?.restrictions).toEqual({
      isWebAllowed: true,
      hasNoRegionalBlackout: false,
      isArchiveAllowed: true,
      deviceGroup: 2,
    });
    expect(segmentationsOf(segmentation({ eventId: 5, typeId: 0x30 }))[0]?.restrictions).toBeUndefined();
  });

  test.each([
    [0x00, "", ""],
    [0x03, "ABCD0123456H", "ABCD0123456H"],
    [0x09, "SIGNAL:Z1sFOMjCnV4AAAAAAAABAQ==", "SIGNAL:Z1sFOMjCnV4AAAAAAAABAQ=="],
    [0x0f, "urn:example:1", "urn:example:1"],
    [0x0f, "line\nbreak", "0x6c696e650a627265616b"],
    [0x0c, "CUEI\u0001", "0x4355454901"],
    [0x10, "0123456789abcdef", "0x30313233343536373839616263646566"],
  ])("has a UPID of type %i, text or hexadecimal: %j", (upidType, text, expected) => {
    const [found] = segmentationsOf(segmentation({ eventId: 1, typeId: 0x30, upidType, upid: ascii(text) }));
    expect(found?.upid).toBe(expected);
    expect(found?.upids).toEqual(expected === "" ? [] : [{ type: upidType, value: expected }]);
  });

  test("has several UPIDs in a MID, and one that is cut off is left out", () => {
    const upid = [0x03, 12, ...ascii("ABCD0123456H"), 0x08, 2, 0xab, 0xcd, 0x0f, 9, 0x75];
    const [found] = segmentationsOf(segmentation({ eventId: 1, typeId: 0x30, upidType: 0x0d, upid }));
    expect(found?.upids).toEqual([
      { type: 0x03, value: "ABCD0123456H" },
      { type: 0x08, value: "0xabcd" },
    ]);
  });

  test("may be one of several, and others between them are skipped", () => {
    const found = segmentationsOf(
      descriptor(0x00, uint(0x135, 32)),
      segmentation({ eventId: 1, typeId: 0x31 }),
      descriptor(0x02, uint(0, 64), "ABCD"),
      descriptor(0xf0, uint(0, 800)),
      uint(0x02, 8) + uint(2, 8) + uint(0, 16),
      segmentation({ eventId: 2, typeId: 0x30 }),
    );
    expect(found.map(({ eventId, typeId }) => [eventId, typeId])).toEqual([
      [1, 0x31],
      [2, 0x30],
    ]);
  });
});

describe("a section that cannot be used", () => {
  const signal = timeSignal(90_000);

  test.each<[string, SectionParts, string]>([
    ["another table", { ...signal, tableId: 0xfd }, "expected table id 0xFC, got 0xFD"],
    ["another version", { ...signal, version: 1 }, "expected protocol version 0, got 1"],
    ["encryption", { ...signal, isEncrypted: true }, "expected a clear section, got an encrypted one (algorithm 0)"],
    ["a command that is shorter than it says", { ...signal, commandLength: 100 }, "more bits in a part"],
    ["a command that is longer than it says", { ...signal, commandLength: 2 }, "more bits in a part"],
    ["a descriptor that runs out of its loop", { ...signal, descriptors: [uint(0x02ff, 16)] }, "more bits in a part"],
    ["a UPID that runs out of its descriptor", { ...signal, descriptors: [overlongUpid()] }, "more bits in a part"],
  ])("%s is refused", (_, parts, message) => {
    expect(() => decode(parts)).toThrow(message);
    expect(outcomeOf(encodeSection(parts))).toBe("playlist-malformed");
  });

  function overlongUpid(): string {
    return descriptor(0x02, `${uint(1, 32)}01111111${"10111111"}${uint(0x09, 8)}${uint(200, 8)}${uint(0, 40)}`);
  }

  test("one wrong bit anywhere is found", () => {
    const section = encodeSection({ ...signal, descriptors: [segmentation({ eventId: 1, typeId: 0x30 })] });
    for (let bit = 0; bit < section.length * 8; bit++) {
      const wrong = section.with(bit >> 3, (section[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7)));
      expect(outcomeOf(wrong)).toBe("playlist-malformed");
    }
    expect(() => decodeScte35(section.with(20, 0x55))).toThrow("expected a matching CRC-32");
  });

  test("one that ends at any byte before its end is refused, and what follows its end is not looked at", () => {
    const sections = [SPLICE_INSERT, OPPORTUNITY_START].map((text) => Uint8Array.from(Buffer.from(text, "base64")));
    for (const section of sections) {
      for (let end = 0; end < section.length; end++)
        expect(outcomeOf(section.subarray(0, end))).toBe("playlist-malformed");
      expect(decodeScte35(Uint8Array.from([...section, 0xff, 0xff]))).toEqual(decodeScte35(section));
    }
  });
});

describe("whatever comes", () => {
  test("bytes are decoded, or refused as malformed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(["decoded", "playlist-malformed"]).toContain(outcomeOf(bytes));
      }),
    );
  });

  test("a section with a matching CRC-32 around anything is decoded, or refused as malformed", () => {
    const command = fc.uint8Array({ maxLength: 60 }).map(bytesToBits);
    const raw = fc.tuple(fc.constantFrom(0x00, 0x02, 0xff), fc.uint8Array({ maxLength: 40 }));
    const loop = fc.array(
      raw.map(([tag, bytes]) => descriptor(tag, bytesToBits(bytes))),
      { maxLength: 4 },
    );
    const parts = fc.record(
      {
        commandType: fc.constantFrom(0, 4, 5, 6, 7, 255),
        command,
        commandLength: fc.constantFrom(0, 5, 20, 0xfff),
        descriptors: loop,
        ptsAdjustment: fc.nat(),
      },
      { requiredKeys: ["commandType", "command"] },
    );
    fc.assert(
      fc.property(parts, (written) => {
        expect(["decoded", "playlist-malformed"]).toContain(outcomeOf(encodeSection(written)));
      }),
    );
  });

  test("text is decoded, or refused as malformed", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.base64String(),
          fc.string(),
          fc.string().map((text) => `0x${text}`),
        ),
        (text) => {
          expect(() => parseScte35(text)).toThrow(AdError);
        },
      ),
    );
  });

  test("what an encoder writes of a splice_insert is read", () => {
    const time = fc.nat({ max: 2 ** 31 });
    const parts = fc.record({
      eventId: time,
      isOut: fc.boolean(),
      ticks: time,
      duration: time,
      autoReturn: fc.boolean(),
    });
    fc.assert(
      fc.property(parts, ({ eventId, isOut, ticks, duration, autoReturn }) => {
        const written = spliceInsert({ eventId, isOut, ticks, duration, autoReturn });
        expect(parseScte35(encodeBase64(written))).toEqual(parseScte35(encodeHex(written)));
        expect(parseScte35(encodeHex(written)).command).toMatchObject({
          eventId,
          isOutOfNetwork: isOut,
          spliceTime: ticks / 90_000,
          duration: duration / 90_000,
          autoReturn,
        });
      }),
    );
  });
});
