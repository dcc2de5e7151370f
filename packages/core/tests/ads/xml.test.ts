import { AdError, attribute, child, children, readXml, textOf } from "@interlude/core";
import { parseXml } from "@interlude/server/xml";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { attempt, read, readFixtureText } from "./read-fixture.ts";

describe("readXml", () => {
  test("refuses more than 2 MB before any reader sees it, counted in bytes", () => {
    const reader = (): never => expect.unreachable("the reader saw it");
    expect(() => readXml("x".repeat(2_000_001), reader)).toThrow(
      expect.objectContaining({ code: "response-too-large" }),
    );
    expect(() => readXml("é".repeat(1_000_001), reader)).toThrow(
      expect.objectContaining({ code: "response-too-large" }),
    );
    expect(() => readXml("<A>éé</A>", reader, { maxBytes: 10 })).toThrow(/at most 10 bytes/);
  });

  test("takes a document of exactly the allowed size", () => {
    expect(readXml("<A>éé</A>", parseXml, { maxBytes: 11 }).text).toBe("éé");
  });

  test("refuses a 10 MB body", () => {
    const body = `<VAST>${"<Ad/>".repeat(2_000_000)}</VAST>`;
    expect(() => read(body)).toThrow(expect.objectContaining({ code: "response-too-large" }));
  });

  test.each([
    ["HTML", "<!DOCTYPE html><html><body>Not found</body></html>"],
    ["a billion laughs", '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><VAST>&c;</VAST>'],
    ["an external entity", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><VAST>&b;</VAST>'],
    ["a parameter entity", '<!DOCTYPE a [<!ENTITY % b SYSTEM "https://a.example/"> %b;]><VAST/>'],
    ["a DOCTYPE in lower case", "<!doctype html><VAST/>"],
    ["a DOCTYPE inside the root", "<VAST><!DOCTYPE a></VAST>"],
    ["a DOCTYPE that comments take apart", "<<!-- --><!-- -->!DOCTYPE a><VAST/>"],
    ["a DOCTYPE that an instruction takes apart", "<<?a?>!DOCTYPE a><VAST/>"],
  ])("refuses DOCTYPE before any reader sees it: %s", (_what, text) => {
    const reader = (): never => expect.unreachable("the reader saw it");
    expect(() => readXml(text, reader)).toThrow(/expected no DOCTYPE/);
  });

  test("leaves a DOCTYPE inside CDATA alone: it is the text of an HTML resource", () => {
    expect(read("<A><![CDATA[<!DOCTYPE html><p><!-- x --></p>]]></A>").text).toBe("<!DOCTYPE html><p><!-- x --></p>");
  });

  test.each(["\0", "\u0001", "\u000B", "\u001F", "\uFFFE", "\uD800"])(
    "refuses a forbidden character (%j)",
    (character) => {
      expect(() => read(`<A>${character}</A>`)).toThrow(expect.objectContaining({ code: "xml-malformed" }));
    },
  );

  test("names neither throw nor reach a prototype, whatever they are", () => {
    const root = read('<A><__proto__ polluted="1"/><b __proto__="2"/></A>');
    expect(children(root, "__proto__").length).toBe(1);
    expect(attribute(child(root, "b"), "__proto__")).toBe("2");
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });

  test("keeps its messages short when the input is long", () => {
    const refuse = (): unknown => read("<".repeat(1_000_000));
    expect(refuse).toThrow(AdError);
    expect(refuse).toThrow(/^.{1,300}$/s);
  });

  test("gives an element or an AdError for every document cut off anywhere", () => {
    const text = readFixtureText("inline.xml");
    for (let length = 0; length < text.trimEnd().length; length += 7)
      expect(() => read(text.slice(0, length))).toThrow(expect.objectContaining({ code: "xml-malformed" }));
  });

  test("gives an element or an AdError for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const result = attempt(() => read(text));
        expect(result instanceof AdError || Object.hasOwn(result, "children")).toBe(true);
      }),
    );
  });
});

describe("queries", () => {
  const root = read('<A><b x="1"><C> one </C></b><B X=""><c>two</c></B><d/></A>');

  test("find all elements at the end of a path, names in any case", () => {
    expect(children(root, "B", "c").map(({ text }) => text)).toEqual([" one ", "two"]);
    expect(children(root, "missing", "c")).toEqual([]);
    expect(children(undefined, "b")).toEqual([]);
  });

  test("give the first element's text trimmed, and nothing where there is none", () => {
    expect([textOf(root, "b", "c"), textOf(root, "d"), textOf(root, "e")]).toEqual(["one", "", ""]);
  });

  test("give an attribute in any case; an empty one is as good as none", () => {
    expect(children(root, "b").map((element) => attribute(element, "X"))).toEqual(["1", undefined]);
  });
});
