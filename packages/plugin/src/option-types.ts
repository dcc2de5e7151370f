/**
 * Whether an option is of the type that it is declared to be: pages that are written without types get an error that names it.
 */
import { AdError } from "@interlude/core";

/** What the error says was expected. */
export type OptionType =
  | "true or false"
  | "a number"
  | "a string"
  | "a function"
  | "a string or an object"
  | "an http(s) URL"
  | "an object"
  | "an object, true or false"
  | "a number or false"
  | "a list"
  | "a list of objects";

const IS: Readonly<Record<OptionType, (value: unknown) => boolean>> = {
  "true or false": (value) => typeof value === "boolean",
  "a number": (value) => typeof value === "number",
  "a string": (value) => typeof value === "string",
  "a function": (value) => typeof value === "function",
  "a string or an object": (value) => typeof value === "string" || isObject(value),
  "an http(s) URL": (value) => typeof value === "string" || (isObject(value) && "href" in value),
  "an object": isObject,
  "an object, true or false": (value) => typeof value === "boolean" || isObject(value),
  "a number or false": (value) => typeof value === "number" || value === false,
  "a list": (value) => Array.isArray(value),
  "a list of objects": (value) => Array.isArray(value) && value.every(isObject),
};

/** Each member of some options, by name. */
export type OptionTypes<T> = { readonly [K in keyof T]-?: OptionType };

/**
 * Members that are absent or undefined are right.
 *
 * @param prefix of their names in the message
 * @throws AdError `option-invalid` naming the first that is wrong
 */
export function checkTypes(options: unknown, types: Readonly<Record<string, OptionType>>, prefix = ""): void {
  if (!isObject(options)) throw wrongOption(prefix.replace(/\.$/, "") || "options", "an object", options);
  for (const [name, expected] of Object.entries(types)) {
    const value: unknown = Reflect.get(options, name);
    if (value !== undefined && !IS[expected](value)) throw wrongOption(prefix + name, expected, value);
  }
}

/** The option, what was expected, and what came. */
export function wrongOption(name: string, expected: string, got: unknown): AdError {
  return new AdError("option-invalid", `${name}: expected ${expected}, got ${describe(got)}`);
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "a list";
  return isObject(value) ? "an object" : String(value);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
