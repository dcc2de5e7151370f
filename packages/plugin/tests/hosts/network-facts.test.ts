import { describe, expect, test } from "vitest";
import { readNetworkFacts } from "../../src/hosts/network-facts.ts";

describe("readNetworkFacts", () => {
  test("a browser that tells nothing holds nothing back", async () => {
    expect(await readNetworkFacts({})).toEqual({
      connection: undefined,
      savesData: false,
      isBatteryLow: false,
      downlinkBps: undefined,
    });
  });

  test("3g and less is slow, 4g is fast, what is not known is neither", async () => {
    const types = ["slow-2g", "2g", "3g", "4g", "5g", 4];
    const facts = await Promise.all(types.map((effectiveType) => readNetworkFacts({ connection: { effectiveType } })));
    expect(facts.map(({ connection }) => connection)).toEqual(["slow", "slow", "slow", "fast", undefined, undefined]);
  });

  test("the data saver and the browser's own guess of the downlink, Mbit/s, are told", async () => {
    const connection = { saveData: true, downlink: 1.45 };
    expect(await readNetworkFacts({ connection })).toMatchObject({ savesData: true, downlinkBps: 1_450_000 });
  });

  test("a battery is low below 15 % and while it is not charging", async () => {
    const levels = [
      [0.14, false],
      [0.14, true],
      [0.15, false],
    ] as const;
    const facts = await Promise.all(
      levels.map(([level, charging]) => readNetworkFacts({ getBattery: async () => ({ level, charging }) })),
    );
    expect(facts.map(({ isBatteryLow }) => isBatteryLow)).toEqual([true, false, false]);
  });

  test("where a permissions policy forbids the battery, it is not low", async () => {
    const getBattery = (): Promise<never> => Promise.reject(new DOMException("no", "NotAllowedError"));
    expect(await readNetworkFacts({ getBattery })).toMatchObject({ isBatteryLow: false });
  });
});
