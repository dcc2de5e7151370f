/** Beacons as a server's own ad responses have them. */
import { deriveBeaconSecret, signBeacon } from "../../src/beacon-signature.ts";

/** The query of `/track/{event}` with its seal. */
export function signQuery(event: string, query: string, ticketSecret: string): string {
  const parameters = Object.fromEntries(new URLSearchParams(query));
  return `${query}&sig=${signBeacon(event, parameters, deriveBeaconSecret(ticketSecret))}`;
}
