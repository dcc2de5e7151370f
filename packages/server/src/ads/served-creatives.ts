/**
 * The creatives that this ad server named in its answers, and when: a page may have them repackaged for an hour. Kept in the
 * database, so that a restart, or another instance, knows them.
 */
import { createHash } from "node:crypto";
import type { Queryable } from "../database/database.ts";

/** A memory of one hour, by zone. */
export interface ServedCreatives {
  record(zone: string, creativeUrls: readonly string[]): Promise<void>;
  /** Whether this URL was served in this zone within the last hour. */
  wasServed(zone: string, creativeUrl: string): Promise<boolean>;
}

const WINDOW_MS = 3_600_000;
/** A creative that is served a thousand times a second is written once in this time. */
const REFRESH_MS = 60_000;
const MAX_REMEMBERED = 10_000;

/** @param now ms since the epoch */
export function createServedCreatives(query: Queryable["query"], now: () => number): ServedCreatives {
  const writtenAt = new Map<string, number>();
  let purgedAt = 0;

  const purge = async (): Promise<void> => {
    if (now() - purgedAt < WINDOW_MS) return;
    purgedAt = now();
    await query("delete from served_creative where served_at < $1", [new Date(now() - 2 * WINDOW_MS)]);
  };

  return {
    record: async (zone, creativeUrls) => {
      const byHash = new Map(creativeUrls.map((url) => [hash(url), url]));
      const rows = [...byHash]
        .map(([url_hash, creative_url]) => ({ zone, url_hash, creative_url }))
        .filter((row) => now() - (writtenAt.get(`${zone}/${row.url_hash}`) ?? 0) >= REFRESH_MS);
      if (rows.length === 0) return;
      await query(
        `insert into served_creative (zone, url_hash, creative_url, served_at)
         select zone, url_hash, creative_url, $2::timestamptz
         from jsonb_to_recordset($1::jsonb) as row (zone text, url_hash text, creative_url text)
         on conflict (zone, url_hash) do update set served_at = excluded.served_at`,
        [JSON.stringify(rows), new Date(now())],
      );
      if (writtenAt.size + rows.length > MAX_REMEMBERED) writtenAt.clear();
      for (const row of rows) writtenAt.set(`${zone}/${row.url_hash}`, now());
      await purge();
    },
    wasServed: async (zone, creativeUrl) => {
      const since = new Date(now() - WINDOW_MS - REFRESH_MS);
      const found = await query(
        "select 1 from served_creative where zone = $1 and url_hash = $2 and served_at > $3 limit 1",
        [zone, hash(creativeUrl), since],
      );
      return found.length > 0;
    },
  };
}

/** The URL as parsed, without its fragment: what servers print and players parse is then the same. */
function hash(creativeUrl: string): string {
  const url = new URL(creativeUrl.trim());
  url.hash = "";
  return createHash("sha256").update(url.href).digest("hex");
}
