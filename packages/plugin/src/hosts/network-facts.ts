/**
 * What the browser tells of the viewer's connection and device, for the first-encounter policy. Only Chromium tells any of it; what is not
 * told is no reason to hold anything back.
 *
 * @see WICG Network Information API; W3C Battery Status API
 */
import type { EncounterFacts } from "@interlude/core";

export interface NetworkFacts extends Pick<EncounterFacts, "connection" | "savesData" | "isBatteryLow"> {
  /** Bits per second as the browser guesses them, 10 Mbit/s at most; undefined: it does not. */
  readonly downlinkBps: number | undefined;
}

/** Below which, of 1, a battery that is not charging is low. */
const LOW_BATTERY = 0.15;
const SLOW: readonly unknown[] = ["slow-2g", "2g", "3g"];

/** Never rejects. */
export async function readNetworkFacts(navigator: object): Promise<NetworkFacts> {
  const connection = readMember(navigator, "connection");
  const type = readMember(connection, "effectiveType");
  const downlink = readMember(connection, "downlink");
  return {
    connection: SLOW.includes(type) ? "slow" : type === "4g" ? "fast" : undefined,
    savesData: readMember(connection, "saveData") === true,
    isBatteryLow: await isBatteryLow(navigator),
    downlinkBps: typeof downlink === "number" && downlink > 0 ? downlink * 1e6 : undefined,
  };
}

async function isBatteryLow(navigator: object): Promise<boolean> {
  const getBattery = readMember(navigator, "getBattery");
  if (typeof getBattery !== "function") return false;
  try {
    const battery: unknown = await getBattery.call(navigator);
    const level = readMember(battery, "level");
    return typeof level === "number" && level < LOW_BATTERY && readMember(battery, "charging") === false;
  } catch {
    // a permissions policy forbids it
    return false;
  }
}

function readMember(object: unknown, name: string): unknown {
  return typeof object === "object" && object !== null ? Reflect.get(object, name) : undefined;
}
