/**
 * Reads typed values out of the environment. An empty variable is an unset one. Every complaint names the variable, what was
 * expected and what came.
 */

/** A setting that cannot be used; the message is for the operator. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Shaped like `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The complaint about a variable that is no secret. */
export function wrongVariable(name: string, expected: string, got: string): ConfigError {
  return new ConfigError(`${name}: expected ${expected}, got ${JSON.stringify(got.slice(0, 200))}`);
}

/** undefined where it is not set. */
export function readText(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === "" ? undefined : value;
}

/** A secret: its value is never repeated in a complaint. */
export function readSecret(env: Environment, name: string): string | undefined {
  const value = readText(env, name);
  if (value === undefined) return undefined;
  if (value.length >= 16 && /^[\x21-\x7e]+$/.test(value)) return value;
  const got = `${value.length} characters`;
  throw new ConfigError(`${name}: expected at least 16 visible ASCII characters, got ${got}`);
}

/**
 * A whole number within the range, or `otherwise`.
 *
 * @throws ConfigError
 */
export function readInteger(
  env: Environment,
  name: string,
  range: { readonly min: number; readonly max: number; readonly otherwise: number },
): number {
  const text = readText(env, name);
  if (text === undefined) return range.otherwise;
  const value = Number(text);
  if (/^\d{1,10}$/.test(text) && value >= range.min && value <= range.max) return value;
  throw wrongVariable(name, `a whole number from ${range.min} to ${range.max}`, text);
}

/**
 * One of `choices`, or `otherwise`.
 *
 * @throws ConfigError
 */
export function readChoice<const Choice extends string>(
  env: Environment,
  name: string,
  choices: readonly Choice[],
  otherwise: Choice,
): Choice {
  const text = readText(env, name);
  if (text === undefined) return otherwise;
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw wrongVariable(name, `one of ${choices.join(", ")}`, text);
  return choice;
}

/** Entries between commas, each of which must fit; empty where it is not set. */
export function readItems(
  env: Environment,
  name: string,
  expected: string,
  isGood: (entry: string) => boolean,
): readonly string[] {
  const text = readText(env, name);
  if (text === undefined) return [];
  const entries = text.split(",").map((entry) => entry.trim());
  for (const entry of entries) if (!isGood(entry)) throw wrongVariable(name, expected, entry);
  return entries;
}
