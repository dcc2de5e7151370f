import { expect, test } from "vitest";
import { waitForEnd } from "../ended.ts";

const NEVER = new Promise<Error>(() => undefined);

test("a database that is lost ends the demo with an error", async () => {
  const lost = Promise.resolve(new Error("its thread is gone"));
  await expect(waitForEnd(new AbortController().signal, lost)).rejects.toThrow(
    "the embedded database has come to its end: its thread is gone",
  );
});

test("a signal ends the demo without one, be it given before or while the demo runs", async () => {
  await expect(waitForEnd(AbortSignal.abort(), NEVER)).resolves.toBeUndefined();
  const controller = new AbortController();
  const ended = waitForEnd(controller.signal, NEVER);
  controller.abort();
  await expect(ended).resolves.toBeUndefined();
});
