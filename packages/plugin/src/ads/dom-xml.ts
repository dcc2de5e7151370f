/**
 * XML by the browser's own DOMParser.
 *
 * @see packages/server/src/xml.ts, the reader that must give the same answers
 */
import { AdError, MAX_XML_DEPTH, type XmlElement } from "@interlude/core";

/**
 * Reads one well-formed element. Call it through core's `readXml`, which caps the size and refuses DOCTYPE.
 * A namespace prefix that nothing declares is as good as any other.
 *
 * @throws AdError `xml-malformed`
 */
export function parseXml(text: string): XmlElement {
  const root = new DOMParser().parseFromString(declarePrefixes(text), "text/xml").documentElement;
  const error = root.querySelector("parsererror");
  if (error) throw new AdError("xml-malformed", `XML: ${error.textContent.slice(0, 200)}`);
  return build(root, 1);
}

/** Of one document; real ones have a handful. */
const MAX_PREFIXES = 64;
const USED = /<([a-zA-Z_][\w.-]*):|\s([a-zA-Z_][\w.-]*):[^\s=<>"'/]+\s*=/g;
const DECLARED = /\sxmlns:([a-zA-Z_][\w.-]*)(?=[\s=])/g;
/** Quoted values may have what ends a tag. */
const TAG_END = /"[^"]*"|'[^']*'|\/?>/g;

/**
 * Ad servers forget `xmlns:vmap` and `xmlns:xsi`; the parser would refuse the document. Linear in its length, whatever it holds.
 *
 * @throws AdError `xml-malformed`
 */
function declarePrefixes(text: string): string {
  const end = findRootTagEnd(text);
  if (end === undefined) return text;
  const start = text.slice(0, end);
  const known = new Set(["xml", "xmlns", ...Array.from(start.matchAll(DECLARED), ([, prefix = ""]) => prefix)]);
  const missing = new Set<string>();
  for (const [, element, attribute] of text.matchAll(USED)) {
    const prefix = element ?? attribute ?? "";
    if (!known.has(prefix)) missing.add(prefix);
    if (missing.size > MAX_PREFIXES)
      throw new AdError("xml-malformed", `XML: expected at most ${MAX_PREFIXES} prefixes that nothing declares`);
  }
  return start + Array.from(missing, (prefix) => ` xmlns:${prefix}="${prefix}"`).join("") + text.slice(end);
}

function findRootTagEnd(text: string): number | undefined {
  for (const { 0: found, index } of text.matchAll(TAG_END)) if (found.endsWith(">")) return index;
  return undefined;
}

function build(element: Element, depth: number): XmlElement {
  if (depth > MAX_XML_DEPTH)
    throw new AdError("xml-malformed", `XML: expected at most ${MAX_XML_DEPTH} elements within each other`);
  const attributes: Record<string, string> = Object.create(null);
  for (const { name, value } of element.attributes) if (!/^xmlns(?::|$)/.test(name)) attributes[name] = value;
  const own = Array.from(element.childNodes, (node) => (node instanceof CharacterData ? node.data : ""));
  const children = Array.from(element.children, (child) => build(child, depth + 1));
  return { name: element.localName, attributes, children, text: own.join("") };
}
