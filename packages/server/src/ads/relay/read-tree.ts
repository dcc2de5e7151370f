/**
 * Reads a document for passing it on: its elements as core's parsers see them, each with its markup as written. Comments and
 * processing instructions are dropped, as by core's `readXml`.
 *
 * As strict as the reader of all else that this server is sent (xml.ts), and of the same opinion; in one look at each character, since
 * most of what an answer of the relay takes is reading.
 *
 * @see XML 1.0 §2.3 (names), §2.4 (character data), §2.11 (line ends), §3.1 (tags), §3.3.3 (values)
 */
import { MAX_XML_DEPTH, readXml } from "@interlude/core";
import { decode, decodeText, localName, malformed } from "../../xml.ts";
import { contentOf, type TreeElement, type TreeText } from "./xml-tree.ts";

/** @throws AdError `response-too-large`, `xml-malformed` */
export function readTree(text: string, maxBytes: number): TreeElement {
  return readXml(text, (bare) => finish(cutElements(bare)), { maxBytes });
}

/** Texts, tags and attributes: several times what long maps have. Their number costs more than their length. */
const MAX_PARTS = 50_000;

/** An element that is being cut out. */
interface Draft extends Pick<TreeElement, "name" | "qualifiedName" | "attributes" | "markup"> {
  readonly nodes: (Draft | TreeText)[];
}

/** The root of a text without comments. One look at each character. */
function cutElements(text: string): Draft {
  const open: Draft[] = [];
  let root: Draft | undefined;
  let parts = 0;
  for (let at = 0; at < text.length;) {
    const piece = cutPiece(text, at);
    at = piece.end;
    parts += piece.parts;
    if (parts > MAX_PARTS) throw malformed(`expected at most ${MAX_PARTS} texts, tags and attributes, got more`);
    const parent = open.at(-1);
    if (piece.kind === "close") {
      const name = open.pop()?.qualifiedName;
      if (piece.name !== name) throw malformed(`expected the end of <${name ?? ""}>, got that of <${piece.name}>`);
    } else if (piece.kind === "text") {
      if (parent) parent.nodes.push(piece.node);
      else if (!isSpace(piece.node.raw)) throw malformed("expected one root element and nothing else, got text");
    } else {
      if (parent) parent.nodes.push(piece.element);
      else if (root) throw malformed("expected one root element and nothing else, got two");
      else root = piece.element;
      if (open.length >= MAX_XML_DEPTH)
        throw malformed(`expected at most ${MAX_XML_DEPTH} elements within each other, got more`);
      if (!piece.isEmpty) open.push(piece.element);
    }
  }
  if (!root || open.length > 0) throw malformed("expected an element with its end, got none");
  return root;
}

function finish({ nodes, ...element }: Draft): TreeElement {
  return { ...element, ...contentOf(nodes.map((node) => ("nodes" in node ? finish(node) : node))) };
}

type Piece = { readonly end: number; readonly parts: number } & (
  | { readonly kind: "text"; readonly node: TreeText }
  | { readonly kind: "close"; readonly name: string }
  | { readonly kind: "open"; readonly element: Draft; readonly isEmpty: boolean }
);

const CDATA = "<![CDATA[";

function cutPiece(text: string, at: number): Piece {
  if (text[at] !== "<") {
    const next = text.indexOf("<", at);
    const end = next < 0 ? text.length : next;
    const raw = text.slice(at, end);
    return { kind: "text", node: { raw, text: decodeText(joinLineEnds(raw)) }, end, parts: 1 };
  }
  if (text.startsWith(CDATA, at)) {
    const end = findEnd(text, "]]>", at);
    const raw = text.slice(at, end);
    return { kind: "text", node: { raw, text: joinLineEnds(raw.slice(CDATA.length, -3)) }, end, parts: 1 };
  }
  if (text[at + 1] === "/") {
    const end = findEnd(text, ">", at);
    const [name = "", ...rest] = text.slice(at + 2, end - 1).split(/[ \t\r\n]/);
    if (rest.some((one) => one !== ""))
      throw malformed(`expected the end of an element, got </${name} ${rest.join(" ")}>`);
    return { kind: "close", name, end, parts: 1 };
  }
  const end = findTagEnd(text, at);
  const isEmpty = text[end - 2] === "/";
  return { kind: "open", isEmpty, end, ...readTag(text.slice(at + 1, isEmpty ? end - 2 : end - 1)) };
}

/** Behind what ends a construct. */
function findEnd(text: string, what: string, at: number): number {
  const found = text.indexOf(what, at);
  if (found < 0) throw malformed(`expected ${what} behind ${text.slice(at, at + 40)}, got the end`);
  return found + what.length;
}

/** Behind the `>` of a tag: one within a quoted value ends nothing. */
function findTagEnd(text: string, at: number): number {
  const mark = /["'>]/g;
  mark.lastIndex = at;
  for (let found = mark.exec(text); found; found = mark.exec(text)) {
    if (found[0] === ">") return mark.lastIndex;
    mark.lastIndex = findEnd(text, found[0], mark.lastIndex);
  }
  throw malformed(`expected the end of ${text.slice(at, at + 40)}, got that of the document`);
}

/** The characters that a name begins with, and that it goes on with, but for the colon. */
const START =
  "A-Z_a-z\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C\\u200D\\u2070-\\u218F\\u2C00-\\u2FEF" +
  "\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD";
const REST = `${START}\\-.\\d\\u00B7\\u0300-\\u036F\\u203F\\u2040`;
const NAME = `[${START}][${REST}]*(?::[${START}][${REST}]*)?`;
const TAG_NAME = new RegExp(`^${NAME}`);
const ATTRIBUTE = new RegExp(`[ \\t\\r\\n]+(${NAME})[ \\t\\r\\n]*=[ \\t\\r\\n]*(?:"([^"<]*)"|'([^'<]*)')`, "y");

/** @param tag what is between `<` and `>` or `/>` */
function readTag(tag: string): { readonly element: Draft; readonly parts: number } {
  const [qualifiedName = ""] = TAG_NAME.exec(tag) ?? [];
  if (qualifiedName === "") throw malformed(`expected the name of an element, got <${tag.slice(0, 40)}>`);
  const named = { name: localName(qualifiedName), qualifiedName };
  if (qualifiedName.length === tag.length)
    return { element: { ...named, attributes: Object.create(null), markup: "", nodes: [] }, parts: 1 };
  const attributes: Record<string, string> = Object.create(null);
  const names = new Set<string>();
  let end = qualifiedName.length;
  ATTRIBUTE.lastIndex = end;
  for (let found = ATTRIBUTE.exec(tag); found; found = ATTRIBUTE.exec(tag)) {
    end = ATTRIBUTE.lastIndex;
    const [, name = "", double, single = ""] = found;
    const value = decode((double ?? single).replaceAll(/\r\n|[\t\n\r]/g, " "));
    const isDeclaration = name === "xmlns" || name.startsWith("xmlns:");
    if (names.has(name) || (value === "" && name.startsWith("xmlns:")))
      throw malformed(`attribute ${name}: expected it once, and no empty prefix declaration`);
    names.add(name);
    if (!isDeclaration) attributes[name] = value;
  }
  if (!isSpace(tag.slice(end))) throw malformed(`expected attributes, got ${tag.slice(end, end + 40)}`);
  const markup = tag.slice(qualifiedName.length, end);
  return { element: { ...named, attributes, markup, nodes: [] }, parts: 1 + names.size };
}

/** White space as XML has it. */
function isSpace(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text);
}

function joinLineEnds(text: string): string {
  return text.includes("\r") ? text.replaceAll(/\r\n?/g, "\n") : text;
}
