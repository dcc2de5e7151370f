import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { unlessAborted } from "../../src/remux/unless-aborted.ts";

const NEVER = new AbortController().signal;

test("gives what comes, and throws what fails", async () => {
  expect(await unlessAborted(Promise.resolve(1), NEVER)).toBe(1);
  await expect(unlessAborted(Promise.reject(new Error("no bytes")), NEVER)).rejects.toThrow("no bytes");
});

test("who does not wait any more is told at once, and what fails later fails unheard", async () => {
  const unheard: unknown[] = [];
  const note = (cause: unknown): number => unheard.push(cause);
  process.on("unhandledRejection", note);
  const left = AbortSignal.abort(new Error("over"));
  await expect(unlessAborted(Promise.reject(new Error("no bytes")), left)).rejects.toThrow("over");
  await nextTurn();
  process.off("unhandledRejection", note);
  expect(unheard).toEqual([]);
});
