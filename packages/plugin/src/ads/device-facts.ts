/**
 * What the browser tells of the viewer's connection and battery; many tell nothing, and what is not told is taken for good.
 *
 * @see Network Information API; Battery Status API
 */
import { readMember } from "../json.ts";

export interface DeviceFacts {
  readonly savesData: boolean;
  /** `slow`: 3g or less. */
  readonly connection: "slow" | "fast" | undefined;
  /** Rounded by the browser, and 10 Mbit/s at most. */
  readonly downlinkBps: number | undefined;
  /** Less than 15 % and not charging; false while it is not known. */
  readonly isBatteryLow: boolean;
}

const LOW = 0.15;
const CONNECTIONS: ReadonlyMap<unknown, "slow" | "fast"> = new Map([
  ["slow-2g", "slow"],
  ["2g", "slow"],
  ["3g", "slow"],
  ["4g", "fast"],
]);

/** @param navigator of the page; undefined where there is none */
export function createDevice(navigator: unknown): () => DeviceFacts {
  let battery: unknown;
  askBattery(navigator).then(
    (manager) => {
      battery = manager;
    },
    // a page may be forbidden to ask
    () => undefined,
  );
  return () => {
    const network = readMember(navigator, "connection");
    const downlink = readMember(network, "downlink");
    const level = readMember(battery, "level");
    return {
      savesData: readMember(network, "saveData") === true,
      connection: CONNECTIONS.get(readMember(network, "effectiveType")),
      downlinkBps: typeof downlink === "number" && downlink > 0 ? downlink * 1_000_000 : undefined,
      isBatteryLow: typeof level === "number" && level < LOW && readMember(battery, "charging") === false,
    };
  };
}

async function askBattery(navigator: unknown): Promise<unknown> {
  const getBattery = readMember(navigator, "getBattery");
  return typeof getBattery === "function" ? Reflect.apply(getBattery, navigator, []) : undefined;
}
