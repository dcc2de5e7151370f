import { AdError, MAX_XML_DEPTH, readXml, type XmlElement, type XmlReader } from "@interlude/core";
import { parseXml as readByParser } from "@interlude/server/xml";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { parseXml as readByDom } from "../../src/ads/dom-xml.ts";

const DOCUMENT = `<?xml version="1.0"?>
<vmap:VMAP xmlns:vmap="urn:vmap" version='1.0'><!-- one break -->
<vmap:AdBreak timeOffset="start" a:b="c&amp;d"><vmap:AdSource id="1"><vmap:VASTAdData><VAST version="4.2"><Ad id="x"><InLine>
<AdSystem>s &lt; t</AdSystem><Impression><![CDATA[ https://a.example/?b=1&c=2 ]]></Impression>
</InLine></Ad></VAST></vmap:VASTAdData></vmap:AdSource></vmap:AdBreak></vmap:VMAP>`;

/** What a reader makes of a text: the element, or the code of the error. */
function answer(text: string, reader: XmlReader): XmlElement | string {
  try {
    return readXml(text, reader);
  } catch (error) {
    return error instanceof AdError ? error.code : `not an AdError: ${String(error)}`;
  }
}

/** Holds both readers to the same answer and gives it. */
function bothAnswer(text: string): XmlElement | string {
  const dom = answer(text, readByDom);
  expect({ text, read: answer(text, readByParser) }).toEqual({ text, read: dom });
  return dom;
}

function bothRead(text: string): XmlElement {
  const read = bothAnswer(text);
  if (typeof read === "string") throw new Error(`${text}: ${read}`);
  return read;
}

describe("both XML readers", () => {
  test("join text and CDATA of an element, its white space kept", () => {
    expect(bothRead("<A> x <![CDATA[ <&> ]]>\n y<B/>z</A>").text).toBe(" x  <&> \n yz");
  });

  test("turn line ends into line feeds, in text, CDATA and attributes", () => {
    const { text, attributes } = bothRead('<A b="1\r\n2\t3">\r\nx\ry<![CDATA[\r\n]]></A>');
    expect([text, attributes["b"]]).toEqual(["\nx\ny\n", "1 2 3"]);
  });

  test("decode the five entities and numeric references, in text and attributes", () => {
    const { text, attributes } = bothRead('<A b="&lt;&amp;&#10;&quot;">&gt;&apos;&#x1F3AC;&#169;&#13;&amp;amp;</A>');
    expect([text, attributes["b"]]).toEqual([">'🎬©\r&amp;", '<&\n"']);
  });

  test("do not decode inside CDATA", () => {
    expect(bothRead("<A><![CDATA[a&amp;b&nope;]]></A>").text).toBe("a&amp;b&nope;");
  });

  test("drop the prefix of elements, keep that of attributes, and drop declarations", () => {
    const root = bothRead('<v:A xmlns:v="urn:v" xmlns="urn:d" xml:lang="de" v:x="1"><B/></v:A>');
    expect([root.name, root.children[0]?.name, { ...root.attributes }]).toEqual([
      "A",
      "B",
      { "xml:lang": "de", "v:x": "1" },
    ]);
  });

  test("accept a prefix that nothing declares", () => {
    const root = bothRead('<vmap:VMAP xsi:schemaLocation="x"><vmap:AdBreak/><o:p a:b="c"/></vmap:VMAP>');
    expect(root.children.map(({ name }) => name)).toEqual(["AdBreak", "p"]);
  });

  test("accept a prefix that the root tag declares among others, and words with a colon in a text", () => {
    const words = Array.from({ length: 100 }, (_, index) => `w${index}: x a${index}:b <![CDATA[ c${index}:d ]]>`);
    const root = bothRead(`<A x=">" xmlns:b = "urn:b" xmlns:bc='urn:c'><b:D b:e="1"/><bcd:E/>${words.join(" ")}</A>`);
    expect(root.children.map(({ name }) => name)).toEqual(["D", "E"]);
  });

  test("keep names that mean something to JavaScript as plain names", () => {
    const root = bothRead('<A><__proto__ __proto__="1" constructor="2" toString="3"/><constructor/><toString/></A>');
    expect(root.children.map(({ name }) => name)).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.entries(root.children[0]?.attributes ?? {})).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
      ["toString", "3"],
    ]);
  });

  test("give attributes without a prototype", () => {
    expect(Object.getPrototypeOf(bothRead("<A/>").attributes)).toBeNull();
  });

  test("pass over comments, processing instructions, a byte order mark and white space around the document", () => {
    const text =
      '\uFEFF\n <?xml version="1.0" encoding="utf-16"?><!-- a -- b --><A>x<!-- & --><?p q?>y</A><!-- z -->\n';
    expect(bothRead(text).text).toBe("xy");
  });

  test.each([
    ["an empty text", ""],
    ["plain text", "no XML"],
    ["text after the root", "<A/>x"],
    ["text before the root", "x<A/>"],
    ["two roots", "<A/><B/>"],
    ["an end without a start", "</A>"],
    ["an end that leaves the root", "<A></A></x><x>"],
    ["a truncated element", "<A><B>x</B>"],
    ["a truncated tag", "<A><B"],
    ["a truncated CDATA section", "<A><![CDATA[x</A>"],
    ["a truncated comment", "<A><!-- x</A>"],
    ["tags that cross", "<A><B></A></B>"],
    ["names that differ in case", "<A></a>"],
    ["a CDATA section after the root", "<A/><![CDATA[]]>"],
    ["a reference after the root", "<A/>&#32;"],
    ["a name of three parts", "<a:b:c/>"],
    ["a prefix without a name", "<A b:='1'/>"],
    ["a name after an empty prefix", "<A :b='1'/>"],
    ["a prefix that is declared as nothing", '<A xmlns:b=""/>'],
    ["an attribute without quotes", "<A b=c/>"],
    ["an attribute without a value", "<A b/>"],
    ["an attribute given twice", '<A b="1" b="2"/>'],
    ["attributes without a space between", '<A b="1"c="2"/>'],
    ["a less-than sign in an attribute", '<A b="<"/>'],
    ["a less-than sign in a text", "<A>1 < 2</A>"],
    ["a bare ampersand in a text", "<A>https://a.example/?b=1&c=2</A>"],
    ["a bare ampersand in an attribute", '<A b="1&c=2"/>'],
    ["an entity of HTML", "<A>&nbsp;</A>"],
    ["an entity of HTML in an attribute", '<A b="&copy;"/>'],
    ["a reference to a forbidden character", "<A>&#0;</A>"],
    ["a reference to half a surrogate pair", "<A>&#xD800;</A>"],
    ["a reference beyond Unicode", "<A>&#x110000;</A>"],
    ["a reference in the wrong case", "<A>&#X41;</A>"],
    ["the end of a CDATA section in a text", "<A>x]]>y</A>"],
    ["a control character", "<A>\u0001</A>"],
    ["a null character", "<A>\0</A>"],
    ["half a surrogate pair", "<A>\uD800</A>"],
    ["a name that starts with a digit", "<1A/>"],
    ["a DOCTYPE", "<!DOCTYPE A><A/>"],
    ["a DOCTYPE that a comment takes apart", "<<!-- -->!DOCTYPE A><A/>"],
    ["an entity declaration", '<!DOCTYPE A [<!ENTITY b "c">]><A>&b;</A>'],
    ["an element declaration in the content", "<A><!ELEMENT B></A>"],
  ])("refuse %s", (_what, text) => {
    expect(bothAnswer(text)).toBe("xml-malformed");
  });

  test("read 100 elements within each other and refuse 101", () => {
    const nest = (depth: number): string => "<A>".repeat(depth) + "</A>".repeat(depth);
    expect(bothRead(nest(MAX_XML_DEPTH)).name).toBe("A");
    expect(bothAnswer(nest(MAX_XML_DEPTH + 1))).toBe("xml-malformed");
    expect(bothAnswer(nest(MAX_XML_DEPTH * 100))).toBe("xml-malformed");
  });

  test("answer alike on a document with any few characters changed", () => {
    const character = fc.constantFrom(..."<>&;\"'/=: \n!-[]?xAé");
    const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(2), put: character });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), (changes) => {
        const changed = changes.reduce((text, { at, cut, put }) => {
          const index = Math.floor(at * text.length);
          return text.slice(0, index) + put + text.slice(index + cut);
        }, DOCUMENT);
        expect(answer(changed, readByParser)).toEqual(answer(changed, readByDom));
      }),
      { numRuns: 2000, seed: 20 },
    );
  });

  test("answer alike on any sequence of XML's pieces", () => {
    const piece = fc.constantFrom(
      ..."<A> </A> <B/> <B c='1'> </B> <v:C d=\"&amp;\"> </v:C> <![CDATA[ ]]> <!-- --> <?p ?> &lt; &#65; & ; < > ' \" = / ! x é 🎬".split(
        " ",
      ),
      " ",
      "\t",
      "\r\n",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, isWrapped) => {
        const text = isWrapped ? `<A>${pieces.join("")}</A>` : pieces.join("");
        expect(answer(text, readByParser)).toEqual(answer(text, readByDom));
      }),
      { numRuns: 2000, seed: 20 },
    );
  });
});

describe("the reader of the page", () => {
  test("refuses a document of more than 64 prefixes before the parser sees it", () => {
    const prefixed = (count: number): string =>
      `<VAST version="4.2">${Array.from({ length: count }, (_, index) => `<p${index}:A/>`).join("")}</VAST>`;
    expect(answer(prefixed(64), readByDom)).toMatchObject({ name: "VAST" });
    expect(answer(prefixed(65), readByDom)).toBe("xml-malformed");
    expect(answer(prefixed(65).replace("</VAST>", ""), readByDom)).toBe("xml-malformed");
    const parse = vi.spyOn(DOMParser.prototype, "parseFromString");
    onTestFinished(() => parse.mockRestore());
    expect(answer(prefixed(100_000), readByDom)).toBe("xml-malformed");
    expect(parse).not.toHaveBeenCalled();
  });
});
