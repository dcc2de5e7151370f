/**
 * docs/plugin: every example is a file, or a marked part of one, that a passing test runs; every option, event, error code and skip
 * reason that the plugin has is told.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = join(root, "docs/plugin");
const pages = readdirSync(folder).filter((name) => name.endsWith(".md"));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** A comment that names a file, then a block of code: `<!-- e2e/examples/pre-roll.ts -->`, or `<!-- file.ts#region -->`. */
const EXAMPLE =
  /(?:<!-- (?<path>[^\s#]+)(?:#(?<region>[\w-]+))? -->\n+)?```(?<language>tsx?|html)\n(?<code>[\s\S]*?)```/g;

function readExample(path: string, region: string | undefined): string {
  const text = read(path);
  if (region === undefined) return text;
  const marked = new RegExp(`// #region ${region}\\n([\\s\\S]*?)\\n\\s*// #endregion`).exec(text)?.[1] ?? "";
  const indent = /^ */.exec(marked)?.[0] ?? "";
  return `${marked.replaceAll(new RegExp(`^${indent}`, "gm"), "")}\n`;
}

function findFault(groups: Readonly<Record<string, string | undefined>>): string | undefined {
  const { path, region, code } = groups;
  if (path === undefined) return `an example without its file: ${code?.slice(0, 60)}`;
  if (!existsSync(join(root, path))) return `${path} is not there`;
  return readExample(path, region) === code ? undefined : `${path} reads otherwise`;
}

describe("examples", () => {
  test.each(pages)("every example of %s is run by a test", (page) => {
    const examples = [...readFileSync(join(folder, page), "utf8").matchAll(EXAMPLE)];
    expect(examples.flatMap(({ groups = {} }) => findFault(groups) ?? [])).toEqual([]);
  });

  test("a marked part loses its indentation", () => {
    expect(readExample("scripts/tests/plugin-docs.test.ts", "sample")).toBe("const sample = 1;\n");
    // #region sample
    const sample = 1;
    // #endregion
    expect(sample).toBe(1);
  });
});

/** Names of the members of an interface or a literal, or of a union of strings, as the source lists them. */
function listNames(path: string, declaration: string): readonly string[] {
  const text = read(path);
  const body = text.slice(text.indexOf(declaration)).replace(/\/\*\*[\s\S]*?\*\//g, "");
  const isUnion = declaration.startsWith("export type");
  const end = body.indexOf(isUnion ? ";" : "\n}");
  const pattern = isUnion ? /"([\w-]+)"/g : /\n {2}(?:readonly )?"?([\w-]+)"?\??:/g;
  return [...body.slice(0, end).matchAll(pattern)].map((match) => match[1] ?? "");
}

/** First cells of the rows of all tables of a page, without their code marks. */
function listRows(page: string): ReadonlyMap<string, readonly string[]> {
  const lines = readFileSync(join(folder, page), "utf8").split("\n");
  const rows = lines.filter((line) => line.startsWith("| `")).map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
  return new Map(rows.map((cells) => [(cells[0] ?? "").trim().replaceAll("`", ""), cells.map((cell) => cell.trim())]));
}

const OPTIONS = [
  ["options", "AdInsertionOptions"],
  ["opportunity-options", "OpportunityOptions"],
  ["policy-options", "PolicyOptions"],
  ["tracking-options", "TrackingOptions"],
  ["first-encounter-options", "FirstEncounterOptions"],
] as const;

describe("reference", () => {
  test("every option has its unit, its default and its consequence", () => {
    const rows = listRows("options.md");
    const names = OPTIONS.flatMap(([file, name]) =>
      listNames(`packages/plugin/src/${file}.ts`, `export interface ${name}`),
    );
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !rows.has(name))).toEqual([]);
    expect(names.filter((name) => (rows.get(name) ?? []).some((cell) => cell === ""))).toEqual([]);
    expect([...rows.keys()].filter((name) => !names.includes(name))).toEqual([]);
  });

  test.each([
    ["event", "packages/plugin/src/events.ts", "export interface AdInsertionEvents"],
    ["error code", "packages/core/src/error.ts", "export type AdErrorCode"],
    ["skip reason", "packages/core/src/skip-reason.ts", "export const VAST_ERROR_OF_SKIP"],
  ])("every %s is told", (_what, path, declaration) => {
    const rows = listRows("events.md");
    const names = listNames(path, declaration);
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !rows.has(name))).toEqual([]);
  });
});
