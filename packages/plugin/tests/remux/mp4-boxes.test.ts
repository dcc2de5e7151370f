import { describe, expect, test } from "vitest";
import { expectBox, listBoxes, openBox, readBoxHeader } from "../../src/remux/mp4-boxes.ts";
import { box, join, u32, u64 } from "./write-boxes.ts";

const MOOF = [0x6d, 0x6f, 0x6f, 0x66];
const UNREADABLE = expect.objectContaining({ name: "MediaRefusal", reason: "source-unreadable" });

describe("readBoxHeader", () => {
  test("a size of 32 bits, one of 64, and to the end", () => {
    const bytes = join([9, 9], u32(20), MOOF);
    expect(readBoxHeader(bytes, 2)).toEqual({ type: "moof", size: 20, headerSize: 8 });
    expect(readBoxHeader(join(u32(1), MOOF, u64(2 ** 33 + 5)), 0)).toEqual({
      type: "moof",
      size: 2 ** 33 + 5,
      headerSize: 16,
    });
    expect(readBoxHeader(join(u32(0), MOOF), 0)).toEqual({ type: "moof", size: Infinity, headerSize: 8 });
  });

  test("a type that cannot be printed does not get into messages", () => {
    expect(readBoxHeader(join(u32(8), [0xa9, 0x6e, 0x0a, 0x6d]), 0)?.type).toBe("?n?m");
  });

  test("undefined until enough bytes have come", () => {
    const bytes = join(u32(1), MOOF, u64(100));
    for (let length = 0; length < 16; length++) expect(readBoxHeader(bytes.subarray(0, length), 0)).toBeUndefined();
    expect(readBoxHeader(bytes, 9)).toBeUndefined();
    expect(readBoxHeader(bytes, 99)).toBeUndefined();
  });

  test("a box shorter than its header is refused, as it has no next one", () => {
    for (const size of [2, 7]) expect(() => readBoxHeader(join(u32(size), MOOF), 0)).toThrow(UNREADABLE);
    expect(() => readBoxHeader(join(u32(1), MOOF, u64(15)), 0)).toThrow(UNREADABLE);
  });
});

describe("listBoxes", () => {
  test("boxes end to end, the last one to the end, and what follows QuickTime's lists", () => {
    const free = box("free", [1, 2, 3]);
    expect(listBoxes(join(free, u32(0)), "test").map(({ type, body }) => [type, [...body]])).toEqual([
      ["free", [1, 2, 3]],
    ]);
    const boxes = listBoxes(join(free, u32(0), MOOF, [7]), "test");
    expect(boxes.map(({ type, body }) => [type, [...body]])).toEqual([
      ["free", [1, 2, 3]],
      ["moof", [7]],
    ]);
    expect(boxes[1]?.whole.length).toBe(9);
  });

  test("a box that reaches beyond what it is in is refused", () => {
    expect(() => listBoxes(join(u32(9), MOOF), "test")).toThrow("MP4 test: expected moof of 9 bytes at 0, got 8");
  });

  test("more boxes than any muxer writes are refused", () => {
    expect(() => listBoxes(join(...Array.from({ length: 20_001 }, () => [0, 0, 0, 8, ...MOOF])), "test")).toThrow(
      UNREADABLE,
    );
  });
});

test("a box that is not there is named beside those that are", () => {
  const boxes = listBoxes(join(box("free"), box("skip")), "test");
  expect(() => expectBox(boxes, "moov", "file")).toThrow("MP4 file: expected moov, got free skip");
  expect(() => openBox(new Uint8Array(), "moov")).toThrow("MP4 file: expected moov, got nothing");
});
