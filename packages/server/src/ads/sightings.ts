/**
 * Who asked for a creative that this ad server did not name. One client may say anything; several that come across the same
 * creative within a day are players of a page whose ad server this is not.
 *
 * Kept in the database, so that instances add up what each of them saw; of clients, nothing but a seal of their address.
 *
 * @see server-notes.md §5.6 (seen N times; Primetime needed three sightings)
 */
import { createHash, createHmac } from "node:crypto";
import type { Queryable } from "../database/database.ts";

export interface Sightings {
  /**
   * Notes that a client asks for a creative; how many different ones did within a day, this one included.
   *
   * @throws the database's error
   */
  note(zone: string, creativeUrl: string, client: string): Promise<number>;
}

/** Clients that must have asked. */
export const ENOUGH_SIGHTINGS = 3;
const WINDOW_MS = 86_400_000;
const PURGE_MS = 3_600_000;

/** @param now ms since the epoch */
export function createSightings(query: Queryable["query"], secret: string, now: () => number): Sightings {
  let purgedAtMs = Number.NEGATIVE_INFINITY;
  const purge = async (since: Date): Promise<void> => {
    if (now() - purgedAtMs < PURGE_MS) return;
    purgedAtMs = now();
    await query("delete from creative_sighting where seen_at <= $1", [since]);
  };
  return {
    note: async (zone, creativeUrl, client) => {
      const since = new Date(now() - WINDOW_MS);
      await purge(since);
      const urlHash = createHash("sha256").update(creativeUrl).digest("base64url");
      const clientHash = createHmac("sha256", secret).update(`interlude sighting\n${client}`).digest("base64url");
      await query(
        `insert into creative_sighting (zone, url_hash, client_hash, seen_at) values ($1, $2, $3, $4)
         on conflict (zone, url_hash, client_hash) do update set seen_at = excluded.seen_at`,
        [zone, urlHash, clientHash, new Date(now())],
      );
      const [found] = await query<{ clients: number }>(
        `select count(*)::integer as clients from
           (select 1 from creative_sighting where zone = $1 and url_hash = $2 and seen_at > $3 limit $4) as seen`,
        [zone, urlHash, since, ENOUGH_SIGHTINGS],
      );
      return found?.clients ?? 0;
    },
  };
}
