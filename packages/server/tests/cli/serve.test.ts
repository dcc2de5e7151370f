import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, test } from "vitest";
import { placeDatabase } from "../database/new-database.ts";
import { startCli, TOKEN } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "interlude-serve-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The first lines that a server on a free port prints. */
async function readLines(count: number, env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const state = mkdtempSync(join(folder, "state-"));
  await placeDatabase(join(state, "database"));
  const child = startCli([], { PORT: "0", INTERLUDE_STATE: state, INTERLUDE_LOG: "silent", ...env });
  if (!child.stdout) throw new Error("expected a pipe");
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === count) break;
  }
  return lines;
}

describe("what interlude serve prints", () => {
  test("has a link to the console with the token that was made at this start", async () => {
    const [ready = "", link, token] = await readLines(3);
    const base = /^Interlude is ready: (http:\/\/127\.0\.0\.1:\d+\/)$/.exec(ready)?.[1];
    const made = /^API token: (\S{32})$/.exec(token ?? "")?.[1];
    expect(link).toBe(`Console: ${base}console/#token=${made}`);
  });

  test("never has a token that the operator has set", async () => {
    const lines = await readLines(2, { INTERLUDE_API_TOKEN: TOKEN });
    expect(lines[1]).toMatch(/^Console: http:\/\/127\.0\.0\.1:\d+\/console\/$/);
    expect(lines.join("\n")).not.toContain(TOKEN);
  });
});
