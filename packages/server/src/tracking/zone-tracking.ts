/** What an operator sets for the tracking of a zone. */
import { type JsonField, readMembers, readString, wrongField } from "../json-field.ts";

const SIGNED = ["required", "marked", "optional"] as const;

export interface ZoneTracking {
  /**
   * Beacons whose URL this server did not write, or not so: refused; kept, and do not count, as where nothing is set; `optional`: those
   * without a seal count like any, for who writes beacon URLs by hand. Anybody may then count what he likes.
   */
  readonly signed: (typeof SIGNED)[number];
}

/** @throws AdError with file, line and field */
export function readZoneTracking(field: JsonField): ZoneTracking {
  const { signed } = readMembers(field, ["signed"]);
  const text = readString(signed);
  const found = SIGNED.find((name) => name === text);
  if (found === undefined) throw wrongField(signed, `one of ${SIGNED.join(", ")}`);
  return { signed: found };
}
