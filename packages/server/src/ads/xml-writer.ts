/** Prints XML whose every text and attribute is escaped. What XML 1.0 cannot carry at all is left out. */

/** Markup that is finished: nothing escapes it again. */
export interface Markup {
  readonly xml: string;
}

/** Controls but tab and line breaks, lone surrogates, non-characters. */
function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, (found) => (/[\t\n\r]/.test(found) ? found : ""));
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

function escape(text: string): string {
  return clean(text).replace(/[&<>"'\t\n\r]/g, (found) => ENTITY[found] ?? "");
}

/** Character data. */
export function text(content: string): Markup {
  return { xml: escape(content) };
}

/** The same as a CDATA section, as VAST wants URLs; one that contains the end of a section is split. */
export function cdata(content: string): Markup {
  return { xml: `<![CDATA[${clean(content).replaceAll("]]>", "]]]]><![CDATA[>")}]]>` };
}

/** Attributes that are undefined, and children that are, are left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | boolean | undefined>>,
  ...children: readonly (Markup | undefined)[]
): Markup {
  const printed = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escape(String(value))}"`)
    .join("");
  const content = children.map((child) => child?.xml ?? "").join("");
  return { xml: content === "" ? `<${name}${printed}/>` : `<${name}${printed}>${content}</${name}>` };
}

/** The whole file: XML declaration and root. */
export function document(root: Markup): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root.xml}\n`;
}
