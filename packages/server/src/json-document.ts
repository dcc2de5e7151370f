/**
 * JSON that remembers the line of every value, so that a mistake in a configuration file is reported where it stands.
 * Stricter than `JSON.parse` in one thing: a member that is given twice is an error, since one of them would be lost.
 *
 * @see RFC 8259
 */

/** A value and the line, from 1, on which it begins. */
export type JsonNode =
  | { readonly kind: "value"; readonly line: number; readonly value: string | number | boolean | null }
  | { readonly kind: "array"; readonly line: number; readonly items: readonly JsonNode[] }
  | { readonly kind: "object"; readonly line: number; readonly members: ReadonlyMap<string, JsonNode> };

/** `line` counts from 1. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const MAX_DEPTH = 50;
const WHITE_SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const LITERAL = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** @throws JsonSyntaxError; values deeper than 50 levels are one too */
export function parseJsonDocument(text: string): JsonNode {
  const scanner = new Scanner(text.replace(/^\uFEFF/, ""));
  const root = readNode(scanner, 0);
  if (!scanner.isAtEnd()) throw scanner.expected("the end of the file");
  return root;
}

class Scanner {
  /** Counts from 1; only white space moves it, since no token has a line break in it. */
  line = 1;
  private readonly text: string;
  private position = 0;

  constructor(text: string) {
    this.text = text;
  }

  isAtEnd(): boolean {
    this.take(WHITE_SPACE);
    return this.position === this.text.length;
  }

  /** What `pattern` (sticky) matches after white space, or undefined. */
  take(pattern: RegExp): string | undefined {
    if (pattern !== WHITE_SPACE) this.take(WHITE_SPACE);
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return undefined;
    this.position += found.length;
    if (pattern === WHITE_SPACE) this.line += found.split("\n").length - 1;
    return found;
  }

  takeCharacter(character: string): boolean {
    this.take(WHITE_SPACE);
    const isNext = this.text.startsWith(character, this.position);
    if (isNext) this.position += character.length;
    return isNext;
  }

  expected(what: string): JsonSyntaxError {
    const rest = this.text.slice(this.position, this.position + 20).split("\n")[0] ?? "";
    return new JsonSyntaxError(this.line, `expected ${what}, got ${this.isAtEnd() ? "the end of the file" : rest}`);
  }
}

function readNode(scanner: Scanner, depth: number): JsonNode {
  if (depth > MAX_DEPTH) throw scanner.expected(`at most ${MAX_DEPTH} levels`);
  scanner.isAtEnd();
  const line = scanner.line;
  if (scanner.takeCharacter("{")) return { kind: "object", line, members: readMembers(scanner, depth) };
  if (scanner.takeCharacter("[")) return { kind: "array", line, items: readItems(scanner, depth) };
  const token = scanner.take(STRING) ?? scanner.take(LITERAL);
  if (token === undefined) throw scanner.expected("a JSON value");
  return { kind: "value", line, value: JSON.parse(token) };
}

function readMembers(scanner: Scanner, depth: number): ReadonlyMap<string, JsonNode> {
  const members = new Map<string, JsonNode>();
  if (scanner.takeCharacter("}")) return members;
  do {
    const token = scanner.take(STRING);
    if (token === undefined) throw scanner.expected('a member name in "quotes"');
    const name: unknown = JSON.parse(token);
    if (typeof name !== "string" || members.has(name)) throw scanner.expected(`${token} only once in this object`);
    if (!scanner.takeCharacter(":")) throw scanner.expected(`":" after ${token}`);
    members.set(name, readNode(scanner, depth + 1));
  } while (scanner.takeCharacter(","));
  if (!scanner.takeCharacter("}")) throw scanner.expected('"," or "}"');
  return members;
}

function readItems(scanner: Scanner, depth: number): readonly JsonNode[] {
  const items: JsonNode[] = [];
  if (scanner.takeCharacter("]")) return items;
  do items.push(readNode(scanner, depth + 1));
  while (scanner.takeCharacter(","));
  if (!scanner.takeCharacter("]")) throw scanner.expected('"," or "]"');
  return items;
}
