/**
 * Makes the parts of a document fit to stand in another one: addresses absolute, and each prefix declared where it is used.
 *
 * @see Namespaces in XML 1.0 §6.1 (scope of a declaration); RFC 3986 §5 (relative references)
 */
import { parseAdUrl } from "@interlude/core";
import { cdataNode, mapChildren, type TreeElement, withDeclarations, withNodes } from "./xml-tree.ts";

/** Elements whose whole text is an address. */
const URL_ELEMENTS: ReadonlySet<string> = new Set([
  ..."impression error tracking clickthrough clicktracking customclick mediafile mezzanine vastadtaguri".split(" "),
  ..."interactivecreativefile closedcaptionfile adtaguri staticresource iframeresource survey viewable".split(" "),
  ..."notviewable viewundetermined iconclickthrough iconclicktracking iconviewtracking iconclickfallbackimage".split(
    " ",
  ),
  ..."companionclickthrough companionclicktracking nonlinearclickthrough nonlinearclicktracking".split(" "),
  ..."javascriptresource executableresource".split(" "),
]);

/** What runs where it is opened: no ad needs it, and players without care would. */
const SCRIPT = /^\s*(?:java|vb)script\s*:/i;

/**
 * Relative and protocol-relative addresses resolved against the document's own; an element whose address is a script is taken out.
 * Any other scheme stays: apps have their own.
 */
export function resolveAddresses(root: TreeElement, base: URL): TreeElement {
  return mapChildren(root, (child) => resolveElement(child, base));
}

function resolveElement(element: TreeElement, base: URL): TreeElement | undefined {
  if (!URL_ELEMENTS.has(element.name.toLowerCase()))
    return mapChildren(element, (child) => resolveElement(child, base));
  const bare = element.text.replace(/\p{Cc}/gu, "");
  if (SCRIPT.test(bare)) return undefined;
  const text = element.text.trim();
  if (element.children.length > 0 || text === "" || /^[a-z][a-z\d+.-]*:/i.test(text) || text.startsWith("["))
    return element;
  const url = parseAdUrl(text, base);
  return url === undefined ? element : withNodes(element, [cdataNode(url)]);
}

/** Prefixes that mean the same everywhere. */
const RESERVED: ReadonlySet<string> = new Set(["xml", "xmlns"]);

type Scope = ReadonlyMap<string, string>;

/** What ad servers forget to declare, and mean. */
const COMMON: ReadonlyMap<string, string> = new Map([
  ["xsi", "http://www.w3.org/2001/XMLSchema-instance"],
  ["vmap", "http://www.iab.net/videosuite/vmap"],
]);

/**
 * Declares the prefixes that a document uses and forgot to declare: browsers refuse the whole document for one. A document without
 * such a mistake is returned as it is.
 */
export function declareForgotten(root: TreeElement): TreeElement {
  return declareWithin(root, new Map(), new Set());
}

/** Every element below the root declares the prefixes that it uses and that nothing between it and the root declares. */
export function declarePrefixes(root: TreeElement): TreeElement {
  const scope = new Map<string, string>();
  for (const [prefix, markup] of listDeclarations(root)) scope.set(prefix, markup);
  return mapChildren(root, (child) => declareWithin(child, scope, new Set()));
}

function declareWithin(element: TreeElement, scope: Scope, declared: ReadonlySet<string>): TreeElement {
  const own = listDeclarations(element);
  const known = own.length === 0 ? declared : new Set([...declared, ...own.map(([prefix]) => prefix)]);
  const missing = listPrefixes(element).filter((prefix) => !known.has(prefix));
  const within = missing.length === 0 ? known : new Set([...known, ...missing]);
  const markup = missing.map((prefix) => scope.get(prefix) ?? declarationOf(prefix)).join("");
  const changed = mapChildren(element, (child) => declareWithin(child, scope, within));
  return withDeclarations(changed, markup);
}

function declarationOf(prefix: string): string {
  return ` xmlns:${prefix}="${COMMON.get(prefix) ?? `urn:undeclared:${prefix}`}"`;
}

function listDeclarations({ markup }: TreeElement): readonly (readonly [prefix: string, markup: string])[] {
  if (!markup.includes("xmlns:")) return [];
  return [...markup.matchAll(/\sxmlns:([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')/g)].map(
    ([found, prefix = ""]) => [prefix, found] as const,
  );
}

function listPrefixes({ qualifiedName, attributes, markup }: TreeElement): readonly string[] {
  if (!qualifiedName.includes(":") && !markup.includes(":")) return [];
  const names = [qualifiedName, ...Object.keys(attributes)].filter((name) => name.includes(":"));
  const prefixes = names.map((name) => name.slice(0, name.indexOf(":")));
  return [...new Set(prefixes)].filter((prefix) => !RESERVED.has(prefix));
}
