/**
 * A tree that is printed as XML, or as the JSON that XML-to-JSON converters make of it: attributes as `@name`, text as `#text`.
 *
 * @see primetime.md §2.5
 */
export interface XmlNode {
  readonly name: string;
  /** Those that are undefined are left out. */
  readonly attributes: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Text or elements; empty: an empty element. */
  readonly content: string | readonly XmlNode[];
}

/** Children that are undefined are left out. */
export function xmlNode(
  name: string,
  attributes: XmlNode["attributes"],
  ...content: readonly (XmlNode | undefined)[]
): XmlNode {
  return { name, attributes, content: content.filter((child) => child !== undefined) };
}

/** An element with text alone; the text is escaped when it is printed. */
export function textNode(name: string, text: string, attributes: XmlNode["attributes"] = {}): XmlNode {
  return { name, attributes, content: text };
}

const ENTITY: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/** XML 1.0 §2.2: controls but tab and line breaks, lone surrogates and non-characters cannot be in a document at all. */
function escape(text: string): string {
  return text
    .replace(/(?![\t\n\r])[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, "")
    .replace(/[&<>"'\t\n\r]/g, (found) => ENTITY[found] ?? "");
}

function listAttributes({ attributes }: XmlNode): readonly (readonly [string, string])[] {
  return Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
}

/** The element alone, without an XML declaration. */
export function formatXml(node: XmlNode): string {
  const attributes = listAttributes(node).map(([key, value]) => ` ${key}="${escape(value)}"`);
  const { name, content } = node;
  const inner = typeof content === "string" ? escape(content) : content.map(formatXml).join("");
  return inner === "" ? `<${name}${attributes.join("")}/>` : `<${name}${attributes.join("")}>${inner}</${name}>`;
}

type XmlJson = string | readonly XmlJson[] | { readonly [key: string]: XmlJson };

/**
 * An element with text alone becomes a string, several of one name an array.
 *
 * @param lists names that are arrays also where there is one
 */
export function toXmlJson(node: XmlNode, lists: ReadonlySet<string>): XmlJson {
  const { content } = node;
  const attributes = listAttributes(node).map(([key, value]) => [`@${key}`, value] as const);
  if (typeof content === "string")
    return attributes.length === 0 ? content : Object.fromEntries([...attributes, ["#text", content]]);
  const members = new Map<string, XmlJson[]>();
  for (const child of content) members.set(child.name, [...(members.get(child.name) ?? []), toXmlJson(child, lists)]);
  const children = [...members].map(([name, found]) => {
    const [only = ""] = found;
    return [name, found.length === 1 && !lists.has(name) ? only : found] as const;
  });
  return Object.fromEntries([...attributes, ...children]);
}
