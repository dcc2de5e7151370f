/** Members of a JSON value from outside: what is not of the wanted kind is not there. */
import { parseAdUrl } from "./vast.ts";

/** An own member of an object; undefined of anything else. */
export function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

/** The first `max` items of a list; empty where there is none. */
export function list(value: unknown, key: string, max: number): readonly unknown[] {
  const found = member(value, key);
  return Array.isArray(found) ? found.slice(0, max) : [];
}

/** Seconds or a count; a number in quotes counts. */
export function readNumber(value: unknown, key: string): number | undefined {
  const found = member(value, key);
  const number = typeof found === "string" && found.trim() !== "" ? Number(found) : found;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** A text; a number counts, for ids are written so. Undefined where it is empty. */
export function readText(value: unknown, key: string): string | undefined {
  const found = member(value, key);
  return typeof found === "number" ? String(found) : typeof found === "string" && found !== "" ? found : undefined;
}

/** An http(s) URL, macros as they are. */
export function readAddress(value: unknown, key: string, base: URL | undefined): string | undefined {
  return parseAdUrl(readText(value, key) ?? "", base);
}
