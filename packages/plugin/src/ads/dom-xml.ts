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

/** Ad servers forget `xmlns:vmap` and `xmlns:xsi`; the parser would refuse the document. */
function declarePrefixes(text: string): string {
  return text.replace(/^<[^\s/>"']+(?:[^"'>]|"[^"]*"|'[^']*')*?(?=\/?>)/, (start) => {
    const used = new Set(Array.from(text.matchAll(/[<\s]([a-zA-Z_][\w.-]*):/g), ([, prefix = ""]) => prefix));
    const missing = [...used].filter(
      (prefix) => prefix !== "xml" && prefix !== "xmlns" && !new RegExp(`\\sxmlns:${prefix}[\\s=]`).test(start),
    );
    return start + missing.map((prefix) => ` xmlns:${prefix}="${prefix}"`).join("");
  });
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
