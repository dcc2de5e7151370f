/** What several parts of the campaign file have in common. */
import { type JsonField, readList, readString, wrongField } from "../../json-field.ts";

export interface Identified<T> {
  readonly id: JsonField;
  readonly value: T;
}

const ID = /^[\w.:-]{1,64}$/;

/** A list by ids, in its order. @throws AdError for an id that is there already */
export function byId<T>(list: JsonField, read: (item: JsonField) => Identified<T>): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const { id, value } of readList(list, read)) {
    const key = readId(id);
    if (found.has(key)) throw wrongField(id, "an id that the list does not have yet");
    found.set(key, value);
  }
  return found;
}

export function readId(field: JsonField): string {
  const id = readString(field);
  if (!ID.test(id)) throw wrongField(field, "1 to 64 letters, digits, _ . : or -");
  return id;
}

/** Absolute http(s), or relative to a base that is. */
export function readUrl(field: JsonField): string {
  const url = readString(field);
  const base = "http://base.invalid/";
  const protocol = URL.canParse(url, base) ? new URL(url, base).protocol : "";
  if (protocol !== "http:" && protocol !== "https:") throw wrongField(field, "an http(s) URL, absolute or relative");
  return url;
}

const MIME_TYPE = /^[\w.+-]+\/[\w.+-]+$/;

export function readMimeType(field: JsonField, example: string): string {
  const type = readString(field);
  if (!MIME_TYPE.test(type)) throw wrongField(field, `a MIME type such as ${example}`);
  return type;
}

export function readBoolean(field: JsonField): boolean {
  const value = field.node?.kind === "value" ? field.node.value : undefined;
  if (typeof value !== "boolean") throw wrongField(field, "true or false");
  return value;
}

/** One of a closed list. */
export function readOneOf<const Choice extends string>(field: JsonField, choices: readonly Choice[]): Choice {
  const value = field.node?.kind === "value" ? field.node.value : undefined;
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw wrongField(field, `one of ${choices.join(", ")}`);
  return choice;
}

export const isSeconds = (value: number): boolean => value > 0 && value <= 86_400;
export const isPixels = (value: number): boolean => Number.isInteger(value) && value > 0 && value <= 16_384;

/** A whole number from 1 to `max`. */
export const isCount =
  (max: number) =>
  (value: number): boolean =>
    Number.isInteger(value) && value >= 1 && value <= max;
