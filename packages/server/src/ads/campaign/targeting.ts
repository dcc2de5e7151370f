/** Whether a line item is for a viewer and what it watches. */
import type { Targeting } from "./campaign.ts";
import type { DeviceKind } from "./device.ts";

/** What is known of a viewer and of what it watches; values in lower case. */
export interface Traits {
  readonly keyValues: ReadonlyMap<string, readonly string[]>;
  readonly device: DeviceKind;
}

/** Every key that is asked for must be there with one of its values, no excluded one may; `*` is any value. */
export function matches({ keyValues, exclude, devices }: Targeting, traits: Traits): boolean {
  const has = ([key, wanted]: readonly [string, readonly string[]]): boolean => {
    const values = traits.keyValues.get(key) ?? [];
    return wanted.includes("*") ? values.length > 0 : values.some((value) => wanted.includes(value));
  };
  if (devices.length > 0 && !devices.includes(traits.device)) return false;
  return [...keyValues].every(has) && ![...exclude].some(has);
}
