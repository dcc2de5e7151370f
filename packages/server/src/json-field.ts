/**
 * Reads typed values out of a configuration file. Every complaint names file, line and field, what was expected and what came:
 * `campaigns.json, line 12: lineItems[0].ads[1].duration: expected a number above 0, got "ten"`.
 */
import { AdError } from "@interlude/core";
import { type JsonNode, JsonSyntaxError, parseJsonDocument } from "./json-document.ts";

/** One place in the file: `path` is how complaints spell it, empty for the root. */
export interface JsonField {
  readonly file: string;
  readonly path: string;
  /** undefined: the member is not there; `line` is then its object's. */
  readonly node: JsonNode | undefined;
  readonly line: number;
}

/**
 * The root of a file's text; `file` is the name that complaints use.
 *
 * @throws AdError `option-invalid`
 */
export function readJsonFile(text: string, file: string): JsonField {
  try {
    const node = parseJsonDocument(text);
    return { file, path: "", node, line: node.line };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new AdError("option-invalid", `${file}, line ${error.line}: ${error.message}`, { cause: error });
  }
}

/** The complaint about a field. */
export function wrongField(field: JsonField, expected: string, got: string = describe(field.node)): AdError {
  const path = field.path === "" ? "" : ` ${field.path}:`;
  return new AdError("option-invalid", `${field.file}, line ${field.line}:${path} expected ${expected}, got ${got}`);
}

function describe(node: JsonNode | undefined): string {
  if (node === undefined) return "nothing";
  if (node.kind === "array") return `a list of ${node.items.length}`;
  return node.kind === "object" ? "an object" : JSON.stringify(node.value).slice(0, 200);
}

/**
 * The members of an object, each by name, present or not.
 *
 * @throws AdError for anything but an object, and for a member that `names` does not have: it would be ignored silently
 */
export function readMembers<const Name extends string>(
  field: JsonField,
  names: readonly Name[],
): Readonly<Record<Name, JsonField>> {
  const { node } = field;
  if (node?.kind !== "object") throw wrongField(field, "an object");
  const child = (name: string): JsonField => {
    const member = node.members.get(name);
    const path = field.path === "" ? name : `${field.path}.${name}`;
    return { file: field.file, path, node: member, line: member?.line ?? node.line };
  };
  for (const name of node.members.keys()) {
    if (!names.some((known) => known === name))
      throw wrongField(child(name), `one of ${names.join(", ")}`, "this name");
  }
  const members: Partial<Record<Name, JsonField>> = {};
  for (const name of names) members[name] = child(name);
  return complete(members, names);
}

function complete<Name extends string>(
  members: Partial<Record<Name, JsonField>>,
  names: readonly Name[],
): Readonly<Record<Name, JsonField>> {
  const isComplete = (value: Partial<Record<Name, JsonField>>): value is Record<Name, JsonField> =>
    names.every((name) => name in value);
  if (!isComplete(members)) throw new Error("a member was left out");
  return members;
}

/** The members of an object whose names are free, in the order of the file. */
export function readEntries(field: JsonField): readonly (readonly [string, JsonField])[] {
  const { node, file } = field;
  if (node?.kind !== "object") throw wrongField(field, "an object");
  return [...node.members].map(([name, member]) => [
    name,
    { file, path: `${field.path}.${name}`, node: member, line: member.line },
  ]);
}

/**
 * The items, each read by `readItem`; an empty list is `[]`.
 *
 * @throws AdError for anything but a list
 */
export function readList<T>(field: JsonField, readItem: (item: JsonField) => T): readonly T[] {
  const { node, file } = field;
  if (node?.kind !== "array") throw wrongField(field, "a list");
  return node.items.map((item, i) => readItem({ file, path: `${field.path}[${i}]`, node: item, line: item.line }));
}

/** Text of 1 to 2,000 characters without control characters. */
export function readString(field: JsonField): string {
  const value = field.node?.kind === "value" ? field.node.value : undefined;
  if (typeof value !== "string") throw wrongField(field, "a text");
  // Controls, lone surrogates and non-characters: XML 1.0 §2.2 cannot carry them
  if (!/^[^\p{Cc}\p{Cs}\ufffe\uffff]{1,2000}$/u.test(value)) {
    throw wrongField(field, "1 to 2000 characters without control characters");
  }
  return value;
}

/** @throws AdError saying `expected` for what is no number or not good */
export function readNumber(field: JsonField, expected: string, isGood: (value: number) => boolean): number {
  const value = field.node?.kind === "value" ? field.node.value : undefined;
  if (typeof value !== "number" || !isGood(value)) throw wrongField(field, expected);
  return value;
}

/** What `read` makes of a member that is there; undefined for one that is not. */
export function readOptional<T>(field: JsonField, read: (field: JsonField) => T): T | undefined {
  return field.node === undefined ? undefined : read(field);
}
