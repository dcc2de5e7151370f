import { describe, expect, test } from "vitest";
import { createDevice, type DeviceFacts } from "../../src/ads/device-facts.ts";

/** What is told once the browser has said what it knows of its battery. */
async function read(navigator: unknown): Promise<DeviceFacts> {
  const device = createDevice(navigator);
  await new Promise(setImmediate);
  return device();
}

describe("createDevice", () => {
  test("a browser that tells nothing holds nothing back", async () => {
    const silent = { savesData: false, connection: undefined, downlinkBps: undefined, isBatteryLow: false };
    expect([await read({}), await read(undefined)]).toEqual([silent, silent]);
  });

  test("3g and less is slow, 4g is fast, what is not known is neither", async () => {
    const types = ["slow-2g", "2g", "3g", "4g", "5g", 4];
    const facts = await Promise.all(types.map((effectiveType) => read({ connection: { effectiveType } })));
    expect(facts.map(({ connection }) => connection)).toEqual(["slow", "slow", "slow", "fast", undefined, undefined]);
  });

  test("the data saver and the browser's own guess of the downlink, Mbit/s, are told", async () => {
    const connection = { saveData: true, downlink: 1.45 };
    expect(await read({ connection })).toMatchObject({ savesData: true, downlinkBps: 1_450_000 });
  });

  test("a battery is low below 15 % and while it is not charging", async () => {
    const levels = [
      [0.14, false],
      [0.14, true],
      [0.15, false],
    ] as const;
    const facts = await Promise.all(
      levels.map(([level, charging]) => read({ getBattery: async () => ({ level, charging }) })),
    );
    expect(facts.map(({ isBatteryLow }) => isBatteryLow)).toEqual([true, false, false]);
  });

  test("where a permissions policy forbids the battery, it is not low", async () => {
    const getBattery = (): Promise<never> => Promise.reject(new DOMException("no", "NotAllowedError"));
    expect(await read({ getBattery })).toMatchObject({ isBatteryLow: false });
  });
});
