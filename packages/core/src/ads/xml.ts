/**
 * XML as the ad parsers see it: elements without namespaces. A page reads it by DOMParser, a server by fast-xml-parser; both
 * give this shape, and both get a text from which everything that they could disagree on has been taken or refused here.
 *
 * @see XML 1.0 §2.2 (characters), §2.8 (prolog); VAST 4.3 §2.2 for the case of names, which the field does not keep to
 */
import { AdError } from "../error.ts";

/** An element of a document from outside: none of its strings is trusted. */
export interface XmlElement {
  /** Local name as written; the namespace prefix is dropped. */
  readonly name: string;
  /** By name as written, prefix included, without namespace declarations; the object has no prototype. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** The element's own text and CDATA, joined, untrimmed; "" where there is none. */
  readonly text: string;
}

/**
 * Reads a text that {@link readXml} has let through into its root element.
 *
 * @throws AdError `xml-malformed` when it is not well-formed, has an entity other than XML's five, or is nested deeper than
 * {@link MAX_XML_DEPTH}
 */
export type XmlReader = (text: string) => XmlElement;

/** Elements within each other, the root included. */
export const MAX_XML_DEPTH = 100;

/** Elements of one name that are looked at; the rest is left out, so that what a wrapper adds to each ad of a pod stays small. */
const MAX_SIBLINGS = 500;

/** UTF-8 bytes of one document. */
export const MAX_XML_BYTES = 2_000_000;

/** Nearly all documents: this look costs a third of the one for what is forbidden. */
const PLAIN = /^[\t\n\r -~]*$/;
/** XML 1.0 §2.2: what no document may contain, not even as a reference. */
const FORBIDDEN = /(?![\t\n\r\x7F-\x9F])[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u;

/** An unfinished construct reaches to the end, so that the search stays linear whatever comes. */
const SPECIAL = /<!--[^]*?(?:-->|$)|<\?[^]*?(?:\?>|$)|<!\[CDATA\[[^]*?(?:\]\]>|$)|<!/g;

/**
 * Reads a document from outside. The size is checked first, then DOCTYPE is refused, so that no reader ever sees an entity
 * declaration; comments and processing instructions are dropped, white space and a byte order mark around it too.
 *
 * @throws AdError `response-too-large`, `xml-malformed`
 */
export function readXml<Root extends XmlElement>(
  text: string,
  reader: (text: string) => Root,
  options: { readonly maxBytes?: number } = {},
): Root {
  const maxBytes = options.maxBytes ?? MAX_XML_BYTES;
  if (text.length > maxBytes || (text.length * 3 > maxBytes && new TextEncoder().encode(text).length > maxBytes))
    throw new AdError("response-too-large", `XML: expected at most ${maxBytes} bytes, got ${text.length} characters`);
  if (!PLAIN.test(text) && FORBIDDEN.test(text))
    throw new AdError("xml-malformed", "XML: got a control character or half a surrogate pair");
  const bare = text.replace(SPECIAL, (found: string, at: number) => {
    if (found.startsWith("<![")) return found;
    // a piece taken out right after "<" could join what surrounds it into a DOCTYPE
    if (found === "<!" || text[at - 1] === "<")
      throw new AdError("xml-malformed", `XML: expected no DOCTYPE, got ${JSON.stringify(text.slice(at, at + 40))}`);
    return "";
  });
  return reader(bare.trim());
}

/**
 * The first 500 elements at the end of a path of names below `element`, in document order; names match in any case. The element
 * itself where the path is empty, nothing where it leads nowhere or `element` is undefined.
 */
export function children(element: XmlElement | undefined, ...path: readonly string[]): readonly XmlElement[] {
  const start: readonly XmlElement[] = element ? [element] : [];
  return path.reduce(
    (found, name) =>
      found.flatMap((parent) => parent.children.filter((child) => isNamed(child, name))).slice(0, MAX_SIBLINGS),
    start,
  );
}

/** The first of {@link children}; undefined where there is none. */
export function child(element: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  return children(element, ...path)[0];
}

/** The trimmed text of {@link child}; "" where there is none. */
export function textOf(element: XmlElement | undefined, ...path: readonly string[]): string {
  return child(element, ...path)?.text.trim() ?? "";
}

/** The trimmed value of an attribute, its name in any case; undefined where it is absent or empty. */
export function attribute(element: XmlElement | undefined, name: string): string | undefined {
  const attributes = element?.attributes ?? {};
  const found = Object.keys(attributes).find((key) => isSameName(key, name));
  return found === undefined ? undefined : attributes[found]?.trim() || undefined;
}

/** Whether an element has this name, in any case. */
export function isNamed(element: XmlElement, name: string): boolean {
  return isSameName(element.name, name);
}

/** The comparisons that come first tell nearly all apart: of a document it is asked thousands of times. */
function isSameName(a: string, b: string): boolean {
  return a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase());
}
