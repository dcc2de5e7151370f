import { describe, expect, test } from "vitest";
import { createEmitter } from "../src/events.ts";

const FATAL = { fatal: true, code: "option-invalid", message: "zoneUrl", cause: undefined } as const;
const turn = (): Promise<void> => new Promise((resolve) => queueMicrotask(resolve));

describe("createEmitter", () => {
  test("a fatal error that nobody heard is told once, to the first who listens", async () => {
    const { on, emit } = createEmitter();
    await turn();
    emit("error", FATAL);
    const heard: string[] = [];
    on("error", ({ message }) => heard.push(`first ${message}`));
    on("error", ({ message }) => heard.push(`first too ${message}`));
    await turn();
    on("error", ({ message }) => heard.push(`late ${message}`));
    await turn();
    expect(heard).toEqual(["first zoneUrl", "first too zoneUrl"]);
  });

  test("one of the turn in which the emitter was made is told once as well", async () => {
    const { on, emit } = createEmitter();
    const heard: string[] = [];
    emit("error", FATAL);
    on("error", ({ message }) => heard.push(message));
    await turn();
    on("error", ({ message }) => heard.push(message));
    await turn();
    expect(heard).toEqual(["zoneUrl"]);
  });

  test("an error that is not fatal does not wait", async () => {
    const { on, emit } = createEmitter();
    await turn();
    emit("error", { ...FATAL, fatal: false });
    const heard: string[] = [];
    on("error", ({ message }) => heard.push(message));
    await turn();
    expect(heard).toEqual([]);
  });

  test("an event that there is none of is refused by name, with those that there are", () => {
    const { on } = createEmitter();
    for (const name of ["adStart", "toString"])
      expect(() => Reflect.apply(on, undefined, [name, () => undefined])).toThrow(
        expect.objectContaining({
          code: "option-invalid",
          message: expect.stringMatching(new RegExp(`adbreakstart, adstart.*got "${name}"`)),
        }),
      );
  });
});
