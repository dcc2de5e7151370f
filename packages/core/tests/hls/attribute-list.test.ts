import { parseAttributeList, replaceAttribute } from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("parseAttributeList", () => {
  test("a comma inside quotes belongs to the value", () => {
    const list = parseAttributeList('CODECS="avc1.64001f,mp4a.40.2",BANDWIDTH=1000');
    expect([...list]).toEqual([
      ["CODECS", "avc1.64001f,mp4a.40.2"],
      ["BANDWIDTH", "1000"],
    ]);
  });

  test("names are found whatever their case and the blanks around them", () => {
    expect(parseAttributeList("ElapsedTime=5.0, Duration=30").get("DURATION")).toBe("30");
  });

  test("the first of two attributes with one name counts", () => {
    expect(parseAttributeList("ID=1,ID=2").get("ID")).toBe("1");
  });

  test("an unclosed quote, an empty value or no value at all are read without an error", () => {
    expect(parseAttributeList('URI="abc').get("URI")).toBe("abc");
    expect(parseAttributeList("A=,B=2").get("A")).toBe("");
    expect(parseAttributeList("").size).toBe(0);
    expect(parseAttributeList("__proto__=1,constructor=2").get("__PROTO__")).toBe("1");
  });

  test("any text is read in one pass", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseAttributeList(text).size).toBeLessThan(text.split("=").length);
      }),
    );
    const hostile = '="'.repeat(500_000);
    expect(parseAttributeList(hostile).size).toBeLessThan(hostile.length);
  });
});

describe("replaceAttribute", () => {
  test("a value is replaced in its place and the rest of the list stays", () => {
    const list = 'METHOD=AES-128, URI="k,1",IV=0x1';
    expect(replaceAttribute(list, "URI", '"https://k.example/k"')).toBe(
      'METHOD=AES-128, URI="https://k.example/k",IV=0x1',
    );
  });

  test("an attribute that was missing is added at the end", () => {
    expect(replaceAttribute("METHOD=AES-128", "IV", "0x1")).toBe("METHOD=AES-128,IV=0x1");
  });
});
