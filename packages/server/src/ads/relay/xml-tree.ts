/**
 * XML that is passed on: what nobody here knows leaves as it came, attributes, prefixes and CDATA included.
 *
 * @see XML 1.0 §2.4 (markup), §3.1 (tags)
 */
import { isNamed, type XmlElement } from "@interlude/core";
import { cleanXml, escapeXml, wrapCdata } from "../xml-writer.ts";

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

/** Characters of what is within an element, nearly. */
export function weighTree(element: TreeElement): number {
  return element.nodes.reduce(
    (sum, node) =>
      sum +
      (isElement(node) ? 2 * node.qualifiedName.length + 5 + node.markup.length + weighTree(node) : node.raw.length),
    0,
  );
}

export function isElement(node: TreeNode): node is TreeElement {
  return "nodes" in node;
}

/** As core's `children`, in the shape of a tree: the elements at the end of a path of names, in any case; at most 500 of each step. */
export function elementsOf(element: TreeElement, ...path: readonly string[]): readonly TreeElement[] {
  const start: readonly TreeElement[] = [element];
  return path.reduce(
    (found, name) => found.flatMap(({ children }) => children.filter((child) => isNamed(child, name))).slice(0, 500),
    start,
  );
}

/** A new element; attributes that are undefined are left out. */
export function createElement(
  qualifiedName: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  ...nodes: readonly TreeNode[]
): TreeElement {
  const plain: Record<string, string> = Object.create(null);
  let markup = "";
  for (const [name, given] of Object.entries(attributes)) {
    if (given === undefined) continue;
    const value = cleanXml(String(given));
    if (!isDeclaration(name)) plain[name] = value;
    markup += ` ${name}="${escapeXml(value)}"`;
  }
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

/** The child elements of that name, in any case, replaced by what `change` makes of them. */
export function mapNamed(parent: TreeElement, name: string, change: (child: TreeElement) => TreeElement): TreeElement {
  return mapChildren(parent, (child) => (isNamed(child, name) ? change(child) : child));
}

/** The element with an attribute set, its name in any case, in its place where it is there; undefined: taken away. */
export function withAttribute(element: TreeElement, name: string, value: string | undefined): TreeElement {
  const isOther = (other: string): boolean => other.toLowerCase() !== name.toLowerCase();
  const attributes: Record<string, string> = Object.create(null);
  for (const [key, text] of Object.entries(element.attributes)) if (isOther(key)) attributes[key] = text;
  let added = "";
  if (value !== undefined) {
    attributes[name] = cleanXml(value);
    added = ` ${name}="${escapeXml(cleanXml(value))}"`;
  }
  const markup = element.markup.replace(ATTRIBUTE, (found: string, key: string) => {
    if (isOther(key)) return found;
    const replaced = added;
    added = "";
    return replaced;
  });
  return { ...element, attributes, markup: markup + added };
}

/** The element with further attributes as markup, such as namespace declarations: ` xmlns:x="urn:x"`. */
export function withDeclarations(element: TreeElement, markup: string): TreeElement {
  return markup === "" ? element : { ...element, markup: element.markup + markup };
}

/** Escaped; what XML cannot carry is left out. */
export function textNode(content: string): TreeText {
  const text = cleanXml(content);
  return { raw: escapeXml(text), text };
}

/** As a CDATA section, as VAST wants URLs. */
export function cdataNode(content: string): TreeText {
  const text = cleanXml(content);
  return { raw: wrapCdata(text), text };
}

/** What follows from the nodes of an element. */
export function contentOf(nodes: readonly TreeNode[]): Pick<TreeElement, "nodes" | "children" | "text"> {
  const children: TreeElement[] = [];
  let text = "";
  for (const node of nodes) {
    if (isElement(node)) children.push(node);
    else text += node.text;
  }
  return { nodes, children, text };
}

/** Without its prefix. */
export function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function isDeclaration(name: string): boolean {
  return name === "xmlns" || name.startsWith("xmlns:");
}

/** An attribute with the white space before it; values as the strict reader lets them through. */
const ATTRIBUTE = /\s+([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')/g;
