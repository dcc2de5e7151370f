import { formatMarker, parseMarker, sortMarkers } from "@interlude/core";
import { describe, expect, test } from "vitest";

describe("formatMarker", () => {
  test("writes attributes in the order of the specification, and only those that are there", () => {
    const pod = {
      id: "7-begin",
      type: "PodBegin",
      duration: 30.04,
      data: "<a/>",
      count: 2,
      breakDuration: 30.04,
    } as const;
    expect(formatMarker(pod)).toBe(
      '#EXT-X-MARKER:ID="7-begin",TYPE=PodBegin,DURATION=30.04,DATA="PGEvPg==",COUNT=2,BREAKDUR=30.04',
    );
    expect(formatMarker({ id: "7-end", type: "PodEnd", duration: 0, offset: 3.8400000000000003 })).toBe(
      '#EXT-X-MARKER:ID="7-end",TYPE=PodEnd,DURATION=0,OFFSET=3.84',
    );
  });

  test("an id cannot leave its quotes or its line", () => {
    const id = 'a"b\r\n#EXT-X-ENDLIST\n%22,\uD800';
    const line = formatMarker({ id, type: "AdBegin", duration: 1 });
    expect(line).not.toMatch(/[\r\n]/);
    expect(parseMarker(line)).toMatchObject({ type: "AdBegin", duration: 1 });
    expect(decodeURIComponent(parseMarker(line)?.id ?? "")).toBe(id.toWellFormed());
  });
});

describe("parseMarker", () => {
  test("reads back what was written, characters beyond Latin-1 included", () => {
    const marker = { id: "1", type: "AdBegin", duration: 15, offset: 0.5, data: "<a>é€😀</a>" } as const;
    expect(parseMarker(formatMarker(marker))).toEqual({ ...marker, count: undefined, breakDuration: undefined });
  });

  test.each([
    ["another tag", "#EXTINF:4,"],
    ["a type that is not known", '#EXT-X-MARKER:ID="1",TYPE=Overlay,DURATION=1'],
    ["no duration", '#EXT-X-MARKER:ID="1",TYPE=AdBegin'],
    ["data that is no base64", '#EXT-X-MARKER:ID="1",TYPE=AdBegin,DURATION=1,DATA="*"'],
  ])("ignores %s", (_what, line) => {
    expect(parseMarker(line)).toBeUndefined();
  });
});

test("several markers of a segment stand in the order of time, those of one time in the order of types", () => {
  const end = { id: "4", type: "PodEnd", duration: 0, offset: 4 } as const;
  const markers = [
    end,
    { id: "3", type: "AdBegin", duration: 15 },
    { id: "2", type: "PodBegin", duration: 30 },
    { id: "1", type: "PrerollPodBegin", duration: 30 },
  ] as const;
  expect(sortMarkers(markers).map(({ id }) => id)).toEqual(["1", "2", "3", "4"]);
});
