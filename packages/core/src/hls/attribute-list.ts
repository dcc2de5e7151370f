/**
 * Attribute lists: the `NAME=value,NAME="value"` part of a tag.
 *
 * @see RFC 8216 §4.2
 */
const QUOTE = 34;

/** Where one attribute stands in its list; `value` has its quotes taken off. */
interface FoundAttribute {
  readonly name: string;
  readonly value: string;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/**
 * All attributes by name, in upper case (cue tags write `Duration` and `DURATION` alike); quotes are taken off, the first
 * of two equal names counts. An empty list gives an empty map. Linear in the length of the text, whatever it holds.
 */
export function parseAttributeList(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const { name, value } of scanAttributes(text)) if (!attributes.has(name)) attributes.set(name, value);
  return attributes;
}

/**
 * The list with one attribute set to `value` (written as it is: give the quotes), in its place, or at the end where it was missing.
 */
export function replaceAttribute(text: string, name: string, value: string): string {
  for (const found of scanAttributes(text)) {
    if (found.name === name) return text.slice(0, found.valueStart) + value + text.slice(found.valueEnd);
  }
  return `${text},${name}=${value}`;
}

function* scanAttributes(text: string): Generator<FoundAttribute> {
  let position = 0;
  while (position < text.length) {
    const equals = text.indexOf("=", position);
    if (equals < 0) return;
    const name = text.slice(position, equals).trim().toUpperCase();
    const isQuoted = text.charCodeAt(equals + 1) === QUOTE;
    const valueEnd = isQuoted ? endOf(text, '"', equals + 2) + 1 : endOf(text, ",", equals + 1);
    const value = isQuoted ? text.slice(equals + 2, valueEnd - 1) : text.slice(equals + 1, valueEnd).trim();
    yield { name, value, valueStart: equals + 1, valueEnd };
    position = endOf(text, ",", valueEnd) + 1;
  }
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found;
}
