/**
 * XML by fast-xml-parser, as strict as DOMParser: what it lets through beyond XML 1.0 is refused here.
 *
 * @see packages/plugin/src/dom-xml.ts, the reader that must give the same answers
 */
import { AdError, MAX_XML_DEPTH, type XmlElement } from "@interlude/core";
import { XMLParser } from "fast-xml-parser";

/** Keeps tag names apart from the parser's own keys and from names that it refuses, such as `constructor`. */
const TAG = "<";
const TEXT = "#text";
const CDATA = "#cdata";
const ATTRIBUTES = ":@";

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: TAG,
  transformTagName: (name) => (name.startsWith(TAG) ? name : TAG + name),
  textNodeName: TEXT,
  cdataPropName: CDATA,
  trimValues: false,
  parseTagValue: false,
  parseAttributeValue: false,
  processEntities: false,
  // deeper than ours, so that ours speaks first; without a path for each tag, which would cost the square of the depth
  maxNestedTags: 2 * MAX_XML_DEPTH,
  jPath: false,
});

/**
 * Reads one well-formed element. Call it through core's `readXml`, which caps the size and refuses DOCTYPE.
 *
 * @throws AdError `xml-malformed`
 */
export function parseXml(text: string): XmlElement {
  const nodes = list(parse(text)).filter((node) => !/^[ \t\n]*$/.test(String(member(node, TEXT) ?? "x")));
  const [root] = build("", [], nodes, 0).children;
  if (!root || nodes.length > 1)
    throw malformed(`expected one root element and nothing else, got ${nodes.length} nodes`);
  return root;
}

/** Inside a root of ours, because the parser drops a text after the root. */
function parse(text: string): unknown {
  try {
    const [root]: readonly unknown[] = parser.parse(`<x>${text}</x>`, true);
    return member(root, `${TAG}x`);
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : "unreadable", cause);
  }
}

/** @param what was expected, and what came */
export function malformed(what: string, cause?: unknown): AdError {
  return new AdError("xml-malformed", `XML: ${what.slice(0, 200)}`, { cause });
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

function build(name: string, attributes: unknown, nodes: unknown, depth: number): XmlElement {
  if (depth > MAX_XML_DEPTH) throw malformed(`expected at most ${MAX_XML_DEPTH} elements within each other`);
  const children: XmlElement[] = [];
  let text = "";
  for (const node of list(nodes)) {
    const own = member(node, TEXT);
    if (typeof own === "string") text += decodeText(own);
    for (const part of list(member(node, CDATA))) text += String(member(part, TEXT) ?? "");
    const tag = Object.keys(node ?? {}).find((key) => key.startsWith(TAG));
    if (tag !== undefined)
      children.push(build(localName(tag.slice(1)), member(node, ATTRIBUTES), member(node, tag), depth + 1));
  }
  return { name, attributes: readAttributes(attributes), children, text };
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Without its prefix. Namespaces in XML 1.0 §4: at most one colon, with a name on each side. @throws AdError `xml-malformed` */
export function localName(name: string): string {
  const colon = name.indexOf(":");
  if (colon >= 0 && !/^[^:]+:[^:.\d-][^:]*$/.test(name)) throw malformed(`expected a qualified name, got ${name}`);
  return name.slice(colon + 1);
}

function readAttributes(value: unknown): Readonly<Record<string, string>> {
  const attributes: Record<string, string> = Object.create(null);
  for (const [key, text] of Object.entries(typeof value === "object" && value !== null ? value : {})) {
    const name = key.slice(TAG.length);
    const declared = localName(name);
    if (typeof text !== "string" || text.includes("<") || (text === "" && name === `xmlns:${declared}`))
      throw malformed(`attribute ${name}: expected no "<" and no empty prefix declaration`);
    if (name === "xmlns" || name === `xmlns:${declared}`) continue;
    attributes[name] = decode(text.replace(/[\t\n]/g, " "));
  }
  return attributes;
}

/** Of character data as it stands in a document. @throws AdError `xml-malformed` */
export function decodeText(text: string): string {
  if (text.includes("]]>")) throw malformed(`expected no "]]>" outside CDATA`);
  return decode(text);
}

const ENTITY: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

/**
 * XML's five entities and numeric references; any other is not well-formed, since there is no DOCTYPE to declare it.
 *
 * @throws AdError `xml-malformed`
 */
export function decode(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&([^;&]{0,40};)?/g, (whole, body: string | undefined) => {
    const name = body?.slice(0, -1) ?? "";
    const digits = /^#(?:x([\da-fA-F]{1,8})|(\d{1,10}))$/.exec(name);
    const found = digits
      ? decodeNumber(Number.parseInt(digits[1] ?? digits[2] ?? "", digits[1] ? 16 : 10))
      : ENTITY.get(name);
    if (found === undefined) throw malformed(`expected an entity of XML, got ${JSON.stringify(whole)}`);
    return found;
  });
}

/** XML 1.0 §2.2: the characters that a document may contain. */
function decodeNumber(code: number): string | undefined {
  const isAllowed =
    code === 9 || code === 10 || code === 13 || (code >= 0x20 && code < 0xd800) || (code > 0xdfff && code < 0x11_0000);
  return isAllowed && code !== 0xfffe && code !== 0xffff ? String.fromCodePoint(code) : undefined;
}
