import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../../..");

function readTokens(file: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(root, file), "utf8");
  const block = /:root \{(.*?)\n\}/s.exec(text)?.[1] ?? "";
  return new Map([...block.matchAll(/(--[\w-]+): ([^;]+);/g)].map(([, name = "", value = ""]) => [name, value]));
}

test("the console and the publisher's page have the same colours for the same things", () => {
  const page = readTokens("demo/src/page.css");
  const shared = [...readTokens("packages/console/src/tokens.css")].filter(([name]) => !name.startsWith("--series-"));
  expect(shared.length).toBeGreaterThan(10);
  expect(shared.map(([name]) => [name, page.get(name)])).toEqual(shared);
});
