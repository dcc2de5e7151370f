import { describe, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";

describe("settings of sessions and overload", () => {
  test("sessions are in memory, 100,000 for three hours, and in PostgreSQL where there is one", () => {
    expect(readConfig({}).sessions).toEqual({ store: "memory", max: 100_000, idleMs: 10_800_000 });
    expect(readConfig({ DATABASE_URL: "postgres://db/interlude" }).sessions.store).toBe("database");
    const chosen = { DATABASE_URL: "postgres://db/interlude", INTERLUDE_SESSIONS: "memory" };
    expect(readConfig({ ...chosen, INTERLUDE_SESSIONS_MAX: "5", INTERLUDE_SESSION_TTL: "30" }).sessions).toEqual({
      store: "memory",
      max: 5,
      idleMs: 1_800_000,
    });
  });

  test("each threshold can be set", () => {
    const env = {
      INTERLUDE_LEAN_DELAY: "1",
      INTERLUDE_LEAN_REQUESTS: "2",
      INTERLUDE_SHED_DELAY: "3",
      INTERLUDE_SHED_REQUESTS: "4",
    };
    expect(readConfig(env).overload).toEqual({ lean: { delayMs: 1, inFlight: 2 }, shed: { delayMs: 3, inFlight: 4 } });
    const { lean, shed } = readConfig({}).overload;
    expect(lean.delayMs).toBeLessThan(shed.delayMs);
    expect(lean.inFlight).toBeLessThan(shed.inFlight);
  });

  test.each([
    ["INTERLUDE_SESSIONS", "redis"],
    ["INTERLUDE_SESSIONS_MAX", "0"],
    ["INTERLUDE_SESSION_TTL", "1"],
    ["INTERLUDE_SHED_DELAY", "soon"],
  ])("%s=%s is refused by name", (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(name);
  });
});
