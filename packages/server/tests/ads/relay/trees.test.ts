import { AdError, MAX_XML_DEPTH, parseVast, readXml, type XmlElement } from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  listMediaFiles,
  mapCreatives,
  withCreativeExtension,
  withMediaFiles,
} from "../../../src/ads/relay/creatives.ts";
import { declareForgotten, declarePrefixes, resolveAddresses } from "../../../src/ads/relay/portable-tree.ts";
import { decodeXml } from "../../../src/ads/relay/relay-fetch.ts";
import { readTree } from "../../../src/ads/relay/read-tree.ts";
import { insertChildren } from "../../../src/ads/relay/vast-order.ts";
import {
  cdataNode,
  createElement,
  formatTree,
  textNode,
  type TreeElement,
  withAttribute,
} from "../../../src/ads/relay/xml-tree.ts";
import { parseXml } from "../../../src/xml.ts";
import { broadcasterVast2, exchangeVast42, podOf, publisherVast3, publisherVmap } from "./documents.ts";

const read = (text: string): TreeElement => readTree(text, 1_000_000);
const print = (root: TreeElement): string =>
  formatTree(root)
    .replace(/^<\?xml[^>]*\?>\n/, "")
    .trimEnd();

const readStrictly = (text: string): XmlElement => readXml(text, parseXml);

/** What a reader says of a document: the code where it refuses it. */
function bareOf(text: string, reader: (text: string) => XmlElement): object | string {
  const bare = ({ name, attributes, children, text: said }: XmlElement): object => ({
    name,
    attributes: { ...attributes },
    children: children.map(bare),
    said,
  });
  try {
    return bare(reader(text));
  } catch (error) {
    if (error instanceof AdError) return error.code;
    throw error;
  }
}

describe("readTree", () => {
  test.each([
    ["attributes in either quotes, white space in tags", `<a b = 'q"q'\n  c="&lt;&#10;>"><d/></a>`],
    ["CDATA and references", "<a><![CDATA[ <b>&c ]]>&amp;&#233;&#x1F600;</a>"],
    ["prefixes and declarations", `<x:a xmlns:x="urn:x" xmlns='urn:y' x:b="1"><x:c>\r\n\t</x:c></x:a>`],
    ["names that objects have", `<constructor __proto__="1"><toString/></constructor>`],
  ])("%s are printed as they came", (_what, text) => {
    expect(print(read(text))).toBe(text);
  });

  test("what it reads is what the strict reader reads", () => {
    for (const text of [broadcasterVast2("http://a"), publisherVmap("http://a"), exchangeVast42("http://a")]) {
      const tree = read(text);
      const strict = parseXml(text.replace(/<\?xml[^>]*\?>\s*|<!--[^]*?-->/g, ""));
      expect(parseVast({ ...tree, name: "VAST", attributes: {} })).toEqual(
        parseVast({ ...strict, name: "VAST", attributes: {} }),
      );
      expect(JSON.stringify(tree.attributes)).toBe(JSON.stringify(strict.attributes));
    }
  });

  test("of a document with a mistake anywhere, it is refused or printed as it is understood", () => {
    const text = `<VAST version="3.0" a='"'><Ad id="1">t &amp; <![CDATA[<c>]]]]><x:y k="&lt;"/></Ad ><!-- n --></VAST>`;
    let accepted = 0;
    for (let at = 0; at < text.length; at++) {
      for (const put of ["", "<", ">", '"', "&", "/", "]]>", " ", "x"]) {
        const broken = text.slice(0, at) + put + text.slice(at + 1);
        try {
          const tree = read(broken);
          accepted++;
          const again = read(print(tree));
          expect(again).toEqual(tree);
        } catch (error) {
          if (!(error instanceof AdError)) throw error;
        }
      }
    }
    expect(accepted).toBeGreaterThan(100);
  });

  test("whatever a document is broken by, it is refused, or read as the strict reader reads it", () => {
    const odd = `<?xml version="1.0"?><VAST version="3.0" a='"'>\r\n<Ad id="1">t &amp; <![CDATA[<c>\r]]>]]&gt;<x:y k="&lt;\t" xmlns:x="u"/></Ad ></VAST>`;
    const markup = `< > <x> </x> <x/> ]]> <![CDATA[ <!-- --> <? <! </VAST> <a:> <:a/> <-a/> <a.b/> <1/> a:b= xmlns:q='' b='1'c='2'`;
    const piece = fc.oneof(
      fc.constantFrom(...markup.split(" "), " a='1'", " a='1' a='2' ", "\t", "\r", "\n", " "),
      fc.constantFrom(..."= / \" ' & &lt &#0; &#xD; &amp; ; : - . 1 x \u00b7 \u00e9 \u{1F600} [ ]".split(" "), ""),
    );
    const change = fc.record({ at: fc.nat(10_000), length: fc.nat(3), piece });
    const put = (text: string, { at, length, piece: one }: { at: number; length: number; piece: string }): string =>
      text.slice(0, at % text.length) + one + text.slice((at % text.length) + length);
    const counts = { read: 0, refused: 0 };
    const judge = (document: string, changes: readonly Parameters<typeof put>[1][]): void => {
      const text = changes.reduce(put, document);
      const ours = bareOf(text, read);
      counts[typeof ours === "string" ? "refused" : "read"]++;
      const strict = typeof ours === "string" ? ours : bareOf(text, readStrictly);
      expect({ text, ours }).toEqual({ text, ours: strict });
    };
    const documents = fc.constantFrom(odd, exchangeVast42("http://a"), "<a><b><![CDATA[x]]></b></a>");
    fc.assert(fc.property(documents, fc.array(change, { minLength: 1, maxLength: 3 }), judge), { numRuns: 3000 });
    expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(200);
  });

  test("white space that XML does not have parts no attributes", () => {
    expect(() => read("<a\u00a0b='1'/>")).toThrow(AdError);
    expect(() => read("<a\u2003/>")).toThrow(AdError);
    expect(() => read("<a/>\u00a0<!-- n --> <!-- n -->x")).toThrow(AdError);
  });

  test("a document of more parts than ads need, or deeper, is refused", () => {
    expect(read(`<a>${"<b/>".repeat(49_998)}</a>`).children).toHaveLength(49_998);
    expect(() => read(`<a>${"<b/>".repeat(50_000)}</a>`)).toThrow(AdError);
    expect(() => read(`<a ${Array.from({ length: 50_000 }, (_, n) => `b${n}="1"`).join(" ")}/>`)).toThrow(AdError);
    expect(read("<a>".repeat(MAX_XML_DEPTH) + "</a>".repeat(MAX_XML_DEPTH)).name).toBe("a");
    expect(() => read("<a>".repeat(MAX_XML_DEPTH) + "<b/>" + "</a>".repeat(MAX_XML_DEPTH))).toThrow(AdError);
  });
});

describe("changes to a tree", () => {
  test("an attribute is set in its place, whatever its case and quotes", () => {
    const root = read(`<VAST Version='3.0' x="1"/>`);
    expect(print(withAttribute(root, "version", "4.2"))).toBe(`<VAST version="4.2" x="1"/>`);
    expect(print(withAttribute(root, "version", undefined))).toBe(`<VAST x="1"/>`);
    expect(withAttribute(root, "id", 'a"b').attributes["id"]).toBe('a"b');
    expect(print(withAttribute(root, "id", "$&"))).toContain('id="$&amp;"');
  });

  test("what is written is escaped, and what XML cannot carry is left out", () => {
    const root = createElement("a", { b: '<&"\u0000>' }, textNode("<\u0001&]]>"), cdataNode("x]]>y"));
    const again = parseXml(print(root));
    expect(again.attributes["b"]).toBe('<&">');
    expect(again.text).toBe("<&]]>x]]>y");
  });

  test("a relative address is resolved against its document, a scheme of apps stays, a script goes", () => {
    const root = read(
      "<VAST><Impression>//t.example/i?a=[CACHEBUSTING]</Impression><Tracking>/x?y=1&amp;z=2</Tracking>" +
        "<ClickThrough>market://details?id=1</ClickThrough><Survey>JavaScript:x</Survey><AdTitle>/not/an/address</AdTitle>" +
        "<StaticResource>data:image/png;base64,AA</StaticResource></VAST>",
    );
    expect(print(resolveAddresses(root, new URL("https://ads.example/a/b")))).toBe(
      "<VAST><Impression><![CDATA[https://t.example/i?a=[CACHEBUSTING]]]></Impression>" +
        "<Tracking><![CDATA[https://ads.example/x?y=1&z=2]]></Tracking>" +
        "<ClickThrough>market://details?id=1</ClickThrough><AdTitle>/not/an/address</AdTitle>" +
        "<StaticResource>data:image/png;base64,AA</StaticResource></VAST>",
    );
  });

  test("a prefix is declared where it is used and nowhere twice, a forgotten one too", () => {
    const root = read(
      `<VAST xmlns:a="urn:a" xmlns:b='urn:b'><x a:k="1"><a:y/><b:z xmlns:b="urn:own"/></x><c:w xml:lang="en"/></VAST>`,
    );
    expect(print(declarePrefixes(root))).toBe(
      `<VAST xmlns:a="urn:a" xmlns:b='urn:b'><x a:k="1" xmlns:a="urn:a"><a:y/><b:z xmlns:b="urn:own"/></x>` +
        `<c:w xml:lang="en" xmlns:c="urn:undeclared:c"/></VAST>`,
    );
  });

  test("what a document forgot to declare is declared where it is first used; one that forgot nothing is the same", () => {
    const sloppy = read(
      `<vmap:VMAP xsi:schemaLocation="x"><vmap:AdBreak><pub:a><pub:b/></pub:a></vmap:AdBreak></vmap:VMAP>`,
    );
    expect(print(declareForgotten(sloppy))).toBe(
      `<vmap:VMAP xsi:schemaLocation="x" xmlns:vmap="http://www.iab.net/videosuite/vmap"` +
        ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><vmap:AdBreak>` +
        `<pub:a xmlns:pub="urn:undeclared:pub"><pub:b/></pub:a></vmap:AdBreak></vmap:VMAP>`,
    );
    const sound = read(publisherVmap("http://a"));
    expect(declareForgotten(sound)).toBe(sound);
  });

  test.each([
    ["3.0", "AdSystem,AdTitle,Error,Impression,Creatives,Extensions"],
    ["4.2", "AdSystem,Error,Impression,AdTitle,Creatives,Extensions"],
  ])("an element that VAST %s has in another place stands there", (version, order) => {
    const inline = read("<InLine><AdSystem/><AdTitle/><Impression/><Creatives/><Extensions/></InLine>");
    const start =
      version === "3.0" ? inline : read("<InLine><AdSystem/><Impression/><AdTitle/><Creatives/><Extensions/></InLine>");
    const { children } = insertChildren(start, [createElement("Error", {})], version);
    expect(children.map(({ name }) => name).join()).toBe(order);
  });
});

describe("the creatives of an answer", () => {
  const pod = read(podOf("3.0", publisherVast3("http://a"), exchangeVast42("http://a")));

  test("each linear creative is shown with its place, in a VAST and in the breaks of a VMAP", () => {
    const places: unknown[] = [];
    const same = mapCreatives(pod, (creative, place) => {
      places.push(place);
      return creative;
    });
    expect(same).toBe(pod);
    expect(places).toEqual([
      { breakId: "", adId: "697200496", adSystem: "PubServe", creativeId: "57860459056" },
      { breakId: "", adId: "x-42", adSystem: "Exchange42", creativeId: "cr-x-42" },
    ]);
    const breaks: string[] = [];
    mapCreatives(read(publisherVmap("http://a")), (creative, { breakId }) => {
      breaks.push(breakId);
      return creative;
    });
    expect(breaks).toEqual(["midroll-1"]);
  });

  test("its media files are core's, each with its element", () => {
    const files: string[] = [];
    mapCreatives(pod, (creative) => {
      files.push(...listMediaFiles(creative).map(({ element, file }) => `${element.name} ${file.type} ${file.url}`));
      return creative;
    });
    expect(files).toEqual([
      "MediaFile video/mp4 http://a/media/spring_720.mp4?expire=1&sparams=ip,id",
      "MediaFile application/javascript http://a/vpaid.js",
      "MediaFile application/x-mpegurl http://a/media/x-42/master.m3u8",
      "MediaFile video/mp4 http://a/media/x-42.mp4",
    ]);
  });

  test("a copy put first and a ticket beside are read by whoever reads VAST", () => {
    const changed = mapCreatives(pod, (creative, _place, version) => {
      const copy = createElement(
        "MediaFile",
        { type: "application/x-mpegURL", delivery: "streaming" },
        cdataNode("https://cdn.example/m.m3u8"),
      );
      const rest = listMediaFiles(creative).map(({ element }) => element);
      const ticket = createElement("CreativeExtension", { type: "application/vnd.example" }, textNode("t"));
      return withCreativeExtension(withMediaFiles(creative, [copy, ...rest]), ticket, version);
    });
    const ads = parseVast(parseXml(print(changed))).ads.map(({ ad }) => ad);
    expect(ads.map(({ creatives }) => creatives[0]?.mediaFiles[0]?.url)).toEqual(
      Array(2).fill("https://cdn.example/m.m3u8"),
    );
    expect(ads[1]?.creatives[0]?.mediaFiles).toHaveLength(3);
    expect(ads[1]?.creatives[0]?.mezzanines).toHaveLength(1);
    expect(print(changed).match(/<Creative [^>]*>\s*<CreativeExtensions><CreativeExtension/g)).toHaveLength(2);
  });
});

describe("decodeXml", () => {
  const text = `<?xml version="1.0" encoding="ISO-8859-1"?><a>\u00e9</a>`;

  test("goes by the header, else by the mark, else by the declaration", () => {
    expect(decodeXml(Buffer.from(text, "latin1"), "text/xml")).toBe(text);
    expect(decodeXml(Buffer.from(text, "utf8"), 'text/xml; charset="UTF-8"')).toBe(text);
    expect(decodeXml(Buffer.from(`\ufeff${text}`, "utf8"), null)).toBe(text);
    expect(decodeXml(Buffer.from(`\ufeff${text}`, "utf16le"), null)).toBe(text);
    expect(decodeXml(Buffer.from("<a>\u00e9</a>"), "text/xml; charset=x-none")).toBe("<a>\u00e9</a>");
  });
});
