/**
 * Reads a document for passing it on: its elements as core's parsers see them, each with its markup as written. Comments and
 * processing instructions are dropped, as by core's `readXml`.
 *
 * The strict reader says what a document means; beside it the document is cut into its pieces. Where the two do not see the same
 * elements and text, the document is refused, so that no reader behind this one is told something else.
 *
 * @see XML 1.0 §2.4 (markup), §3.1 (tags)
 */
import { AdError, readXml, type XmlElement, type XmlReader } from "@interlude/core";
import { contentOf, localName, type TreeElement, type TreeText } from "./xml-tree.ts";

/**
 * @param reader the strict one; it gets the text after core's `readXml`
 * @throws AdError `response-too-large`, `xml-malformed`
 */
export function readTree(text: string, reader: XmlReader, maxBytes: number): TreeElement {
  let cut: Draft | undefined;
  const strict = readXml(
    text,
    (bare) => {
      const element = reader(bare);
      cut = cutElements(bare);
      return element;
    },
    { maxBytes },
  );
  if (!cut) throw disagree(strict.name);
  return join(cut, strict);
}

const ENTITY: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Of text that the strict reader let through: XML's five entities and numbers. */
function decode(raw: string): string {
  if (!raw.includes("&")) return raw;
  return raw.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, digits?: string, name?: string) => {
    if (name !== undefined) return ENTITY[name] ?? whole;
    const code = hex === undefined ? Number(digits) : Number.parseInt(hex, 16);
    return code <= 0x10_ffff ? String.fromCodePoint(code) : whole;
  });
}

/** An element that is being cut out. */
interface Draft {
  readonly name: string;
  readonly markup: string;
  readonly nodes: (Draft | TreeText)[];
}

/** The root of a text without comments; undefined where the pieces do not fit together. One look at each character. */
function cutElements(text: string): Draft | undefined {
  const open: Draft[] = [];
  let root: Draft | undefined;
  let at = 0;
  while (at < text.length) {
    const piece = cutPiece(text, at);
    if (!piece) return undefined;
    at = piece.end;
    const parent = open.at(-1);
    if (piece.kind === "text") {
      if (parent) parent.nodes.push(piece.node);
      else if (piece.node.text.trim() !== "") return undefined;
    } else if (piece.kind === "close") {
      if (open.pop()?.name !== piece.name) return undefined;
    } else {
      const element: Draft = { name: piece.name, markup: piece.markup, nodes: [] };
      if (parent) parent.nodes.push(element);
      else if (root) return undefined;
      else root = element;
      if (!piece.isEmpty) open.push(element);
    }
  }
  return open.length === 0 ? root : undefined;
}

type Piece =
  | { readonly kind: "text"; readonly node: TreeText; readonly end: number }
  | { readonly kind: "close"; readonly name: string; readonly end: number }
  | {
      readonly kind: "open";
      readonly name: string;
      readonly markup: string;
      readonly isEmpty: boolean;
      readonly end: number;
    };

const CDATA = "<![CDATA[";

function cutPiece(text: string, at: number): Piece | undefined {
  if (text[at] !== "<") {
    const next = text.indexOf("<", at);
    const end = next < 0 ? text.length : next;
    const raw = text.slice(at, end);
    return { kind: "text", node: { raw, text: decode(raw) }, end };
  }
  if (text.startsWith(CDATA, at)) {
    const close = text.indexOf("]]>", at);
    if (close < 0) return undefined;
    const node = { raw: text.slice(at, close + 3), text: text.slice(at + CDATA.length, close) };
    return { kind: "text", node, end: close + 3 };
  }
  const end = findTagEnd(text, at);
  if (end === undefined) return undefined;
  if (text[at + 1] === "/") return { kind: "close", name: text.slice(at + 2, end - 1).trim(), end };
  const isEmpty = text[end - 2] === "/";
  const tag = text.slice(at + 1, isEmpty ? end - 2 : end - 1).trimEnd();
  const space = tag.search(/\s/);
  const name = space < 0 ? tag : tag.slice(0, space);
  return { kind: "open", name, markup: tag.slice(name.length), isEmpty, end };
}

/** Behind the `>` of a tag: one within a quoted value ends nothing. */
function findTagEnd(text: string, at: number): number | undefined {
  const mark = /["'>]/g;
  mark.lastIndex = at;
  for (let found = mark.exec(text); found; found = mark.exec(text)) {
    if (found[0] === ">") return mark.lastIndex;
    const close = text.indexOf(found[0], mark.lastIndex);
    if (close < 0) return undefined;
    mark.lastIndex = close + 1;
  }
  return undefined;
}

function join(cut: Draft, strict: XmlElement): TreeElement {
  let index = 0;
  const nodes = cut.nodes.map((node) => {
    if ("raw" in node) return node;
    const child = strict.children[index++];
    if (!child) throw disagree(node.name);
    return join(node, child);
  });
  const content = contentOf(nodes);
  const isSame =
    localName(cut.name) === strict.name &&
    index === strict.children.length &&
    content.text.replaceAll("\r", "") === strict.text.replaceAll("\r", "");
  if (!isSame) throw disagree(cut.name);
  const { name, attributes } = strict;
  return { name, qualifiedName: cut.name, attributes, markup: cut.markup, ...content };
}

function disagree(name: string): AdError {
  return new AdError("xml-malformed", `XML: expected well-formed elements, got <${name.slice(0, 40)}>`);
}
