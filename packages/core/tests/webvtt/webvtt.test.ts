import { BLANK_WEBVTT, clipWebVtt, parseWebVtt } from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

const times = (text: string): readonly (readonly [number, number] | undefined)[] | undefined =>
  parseWebVtt(text)?.cues.map(({ timing }) => timing && [timing.from.ms, timing.to.ms]);

describe("parseWebVtt", () => {
  test.each([
    "",
    "WEBVTTX\n",
    "webvtt\n",
    " WEBVTT\n",
    "\n\nWEBVTT",
    "1\n00:00:01,000 --> 00:00:02,000\nSubRip\n",
    "<html>",
  ])("%j is no WebVTT", (text) => {
    expect(parseWebVtt(text)).toBeUndefined();
  });

  test.each(["WEBVTT", "\uFEFFWEBVTT", "WEBVTT\r", "WEBVTT a title", "WEBVTT\n\n\n\n"])("%j has no cue", (text) => {
    expect(times(text)).toEqual([]);
  });

  test("the blank file shows a millisecond of nothing", () => {
    expect(times(BLANK_WEBVTT)).toEqual([[0, 1]]);
    expect(BLANK_WEBVTT.endsWith("00:00.001\n\n")).toBe(true);
  });

  test("a cue may follow the header without a blank line, and another cue's text", () => {
    expect(times("WEBVTT\n00:01.000 --> 00:02.000\na\n00:03.000 --> 00:04.000\nb")).toEqual([
      [1000, 2000],
      [3000, 4000],
    ]);
  });

  test("hours and minutes are optional as players have it, and their digits are not counted", () => {
    expect(times("WEBVTT\n\n1:02:03.5 --> 100:00:00.000\na\n\n0:1,25 -->0:2\nb\n")).toEqual([
      [3_723_500, 360_000_000],
      [1250, 2000],
    ]);
  });

  test("negative and unreadable times make a cue that is shown in no part", () => {
    const text = "WEBVTT\n\n-00:01.000 --> 00:02.000\na\n\nNaN --> x\nb\n\n00:01.000 --> 00:02.000\nc\n";
    const vtt = parseWebVtt(text);
    expect(times(text)).toEqual([undefined, undefined, [1000, 2000]]);
    expect(vtt && clipWebVtt(vtt, { fromMs: -Infinity, toMs: Infinity })).toBe(
      "WEBVTT\n\n00:01.000 --> 00:02.000\nc\n",
    );
  });

  test("NUL characters are text", () => {
    const text = "WEBVTT\0\n";
    expect(parseWebVtt(text)).toBeUndefined();
    expect(times("WEBVTT \0\n\n\0id\n00:01.000 --> 00:02.000\0\n\0\n")).toEqual([[1000, 2000]]);
  });

  test("any text is either no WebVTT, or its parts are made of it", () => {
    const word = fc.constantFrom(
      "WEBVTT",
      "-->",
      "\n",
      "\r",
      "\r\n",
      "\n\n",
      "00:01.000",
      " ",
      "NOTE",
      "\0",
      "x",
      "STYLE",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (words) => {
        const text = `WEBVTT\n${words.join("")}`;
        const vtt = parseWebVtt(text);
        const cues = vtt?.cues ?? [];
        expect(cues.every(({ start, end }, index) => start < end && start >= (cues[index - 1]?.end ?? 7))).toBe(true);
        const without = vtt && clipWebVtt(vtt, { fromMs: 5000, toMs: 6000 });
        expect(text.length - (without?.length ?? 0)).toBe(cues.reduce((sum, { start, end }) => sum + end - start, 0));
      }),
    );
  });
});

describe("hostile files", () => {
  // To look at the rest of the file once per line would take 10^12 steps, longer than a test may take.
  test.each([
    ["a million cues", `WEBVTT\n\n${"0:01.000 --> 0:02.000\nx\n\n".repeat(1e6)}`, 1e6],
    ["a million lines without a cue", `WEBVTT\n\n${"x\n".repeat(1e6)}`, 0],
    ["a million carriage returns", `WEBVTT\n\n${"\r".repeat(1e6)}`, 0],
    ["one line of a million arrows", `WEBVTT\n\n${"-->".repeat(1e6)}`, 1],
    ["one line of a million digits", `WEBVTT\n\n${"1".repeat(1e6)}-->`, 1],
    ["one line of a million spaces", `WEBVTT\n\n${" ".repeat(1e6)}-->`, 1],
    ["a header of a million lines", `WEBVTT\n${"X-TIMESTAMP-MAP=\n".repeat(1e6)}`, 0],
  ])("%s are read", (_name, text, count) => {
    const vtt = parseWebVtt(text);
    expect(vtt?.cues).toHaveLength(count);
    expect(vtt && clipWebVtt(vtt, { fromMs: 1500, toMs: 1600 }).length).toBeLessThanOrEqual(1.5 * text.length);
  });
});
