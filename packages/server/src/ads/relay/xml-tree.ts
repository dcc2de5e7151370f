/**
 * XML that is passed on: what nobody here knows leaves as it came, attributes, prefixes and CDATA included. Comments and processing
 * instructions are dropped on reading, as by core's `readXml`.
 *
 * The strict reader says what a document means; beside it the document is cut into its pieces as written. Where the two do not see
 * the same elements and text, the document is refused, so that no reader behind this one is told something else.
 *
 * @see XML 1.0 §2.4 (markup), §3.1 (tags)
 */
import { AdError, readXml, type XmlElement, type XmlReader } from "@interlude/core";

/** An element as core's parsers read it, and as it is printed. Never changed in place. */
export interface TreeElement extends XmlElement {
  /** With its prefix. */
  readonly qualifiedName: string;
  /** Attributes as written, namespace declarations too, each behind its white space; "" where there are none. */
  readonly markup: string;
  readonly nodes: readonly TreeNode[];
  /** The elements of `nodes`. */
  readonly children: readonly TreeElement[];
}

/** What is within an element, in order. */
export type TreeNode = TreeElement | TreeText;

/** Character data: as it is printed, and what it says. */
export interface TreeText {
  readonly raw: string;
  readonly text: string;
}

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

/** The whole document: XML declaration and root. */
export function formatTree(root: TreeElement): string {
  const parts = ['<?xml version="1.0" encoding="UTF-8"?>\n'];
  print(root, parts);
  parts.push("\n");
  return parts.join("");
}

function print(node: TreeNode, parts: string[]): void {
  if (!isElement(node)) {
    parts.push(node.raw);
    return;
  }
  if (node.nodes.length === 0) {
    parts.push(`<${node.qualifiedName}${node.markup}/>`);
    return;
  }
  parts.push(`<${node.qualifiedName}${node.markup}>`);
  for (const inner of node.nodes) print(inner, parts);
  parts.push(`</${node.qualifiedName}>`);
}

export function isElement(node: TreeNode): node is TreeElement {
  return "nodes" in node;
}

/** A new element; attributes that are undefined are left out. */
export function createElement(
  qualifiedName: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  ...nodes: readonly TreeNode[]
): TreeElement {
  const known = Object.entries(attributes).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, clean(String(value))] as const],
  );
  const plain: Record<string, string> = Object.create(null);
  for (const [name, value] of known) if (!isDeclaration(name)) plain[name] = value;
  const markup = known.map(([name, value]) => ` ${name}="${escape(value)}"`).join("");
  return { name: localName(qualifiedName), qualifiedName, attributes: plain, markup, ...contentOf(nodes) };
}

/** The element with other content. */
export function withNodes(element: TreeElement, nodes: readonly TreeNode[]): TreeElement {
  return { ...element, ...contentOf(nodes) };
}

/** Each child element replaced by what `change` makes of it, undefined: taken out; everything else stays. */
export function mapChildren(
  element: TreeElement,
  change: (child: TreeElement) => TreeElement | undefined,
): TreeElement {
  let isChanged = false;
  const nodes = element.nodes.flatMap((node) => {
    const changed = isElement(node) ? change(node) : node;
    isChanged ||= changed !== node;
    return changed ?? [];
  });
  return isChanged ? withNodes(element, nodes) : element;
}

/** The element with an attribute set, its name in any case, or taken away (undefined). */
export function withAttribute(element: TreeElement, name: string, value: string | undefined): TreeElement {
  const isOther = (other: string): boolean => other.toLowerCase() !== name.toLowerCase();
  const attributes: Record<string, string> = Object.create(null);
  for (const [key, text] of Object.entries(element.attributes)) if (isOther(key)) attributes[key] = text;
  const kept = element.markup.replace(ATTRIBUTE, (found: string, key: string) => (isOther(key) ? found : ""));
  if (value === undefined) return { ...element, attributes, markup: kept };
  attributes[name] = value;
  return { ...element, attributes, markup: `${kept} ${name}="${escape(clean(value))}"` };
}

/** The element with further attributes as markup, such as namespace declarations: ` xmlns:x="urn:x"`. */
export function withDeclarations(element: TreeElement, markup: string): TreeElement {
  return markup === "" ? element : { ...element, markup: element.markup + markup };
}

/** Escaped; what XML cannot carry is left out. */
export function textNode(content: string): TreeText {
  const text = clean(content);
  return { raw: escape(text), text };
}

/** As a CDATA section, as VAST wants URLs; one that contains the end of a section is split. */
export function cdataNode(content: string): TreeText {
  const text = clean(content);
  return { raw: `<![CDATA[${text.replaceAll("]]>", "]]]]><![CDATA[>")}]]>`, text };
}

function contentOf(nodes: readonly TreeNode[]): Pick<TreeElement, "nodes" | "children" | "text"> {
  const text = nodes.map((node) => (isElement(node) ? "" : node.text)).join("");
  return { nodes, children: nodes.filter(isElement), text };
}

/** XML 1.0 §2.2. */
function clean(text: string): string {
  return text.replace(/(?![\t\n\r])[\p{Cc}\p{Cs}\ufffe\uffff]/gu, "");
}

const REFERENCE: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

function escape(text: string): string {
  return text.replace(/[&<>"\t\n\r]/g, (found) => REFERENCE[found] ?? "");
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

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function isDeclaration(name: string): boolean {
  return name === "xmlns" || name.startsWith("xmlns:");
}

/** An attribute with the white space before it; values as the strict reader lets them through. */
const ATTRIBUTE = /\s+([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')/g;

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
