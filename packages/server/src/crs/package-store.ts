/** The packages of creatives, as rows: what is wanted, and which CDN has what of it. */
import type { Package } from "@interlude/core";
import type { Queryable } from "../database/database.ts";
import type { CreativeId } from "./creative-record.ts";
import type { FailureReason } from "./creative-state.ts";

/** What of a creative is on a CDN: something that plays at once, or everything. */
export type Layer = "first" | "ladder";

/** Notes that a package is wanted, on every CDN; the first to ask decides its path. */
export async function wantPackage(tx: Queryable, id: CreativeId, cut: Package, path: string): Promise<void> {
  await tx.query(
    `insert into creative_package (zone, key, packaging, target_duration, path) values ($1, $2, $3, $4, $5)
     on conflict (zone, key, packaging, target_duration) do update set purged_cdns = '{}'
     where creative_package.purged_cdns <> '{}'`,
    [id.zone, id.key, cut.packaging, cut.targetDuration, path],
  );
}

/** Notes that something was asked for that is not made here. */
export async function refusePackage(
  tx: Queryable,
  id: CreativeId,
  cut: { readonly packaging: string; readonly targetDuration: number },
  reason: FailureReason,
): Promise<void> {
  await tx.query(
    `insert into creative_package (zone, key, packaging, target_duration, path, reason) values ($1, $2, $3, $4, '', $5)
     on conflict do nothing`,
    [id.zone, id.key, cut.packaging, cut.targetDuration, reason],
  );
}

const UNION = (a: string, b: string): string => `array(select distinct unnest(${a} || ${b}) order by 1)`;
/**
 * Notes that a CDN has a layer of a package now. A ladder that lacks the timed metadata that was asked for meanwhile counts
 * as something that plays.
 *
 * @returns false when nobody wants it there any more, or it is another worker's business now
 */
export async function notePublished(
  database: Queryable,
  id: CreativeId & { readonly lease: number },
  cut: Package,
  { cdn, layer, id3 }: { readonly cdn: string; readonly layer: Layer; readonly id3: boolean },
): Promise<boolean> {
  const isLadder = "($6 and exists (select from creative where zone = $1 and key = $2 and id3 = $7))";
  const rows = await database.query(
    `update creative_package set
       cdns = case when ${isLadder} then ${UNION("cdns", "array[$5::text]")} else cdns end,
       early_cdns = case when ${isLadder} then array_remove(early_cdns, $5)
                         when $5 = any(cdns) then early_cdns else ${UNION("early_cdns", "array[$5::text]")} end
     where zone = $1 and key = $2 and packaging = $3 and target_duration = $4 and not $5 = any(purged_cdns)
       and exists (select from creative where zone = $1 and key = $2 and lease = $8 for share) returning key`,
    [id.zone, id.key, cut.packaging, cut.targetDuration, cdn, layer === "ladder", id3, id.lease],
  );
  return rows.length > 0;
}

/** Notes that the ladder of a package is being brought to the CDNs, once more, whether all take it or not. */
export async function noteTried(
  database: Queryable,
  id: CreativeId & { readonly lease: number },
  cut: Package,
): Promise<void> {
  await database.query(
    `update creative_package set published_at = now(), tries = tries + 1
     where zone = $1 and key = $2 and packaging = $3 and target_duration = $4
       and exists (select from creative where zone = $1 and key = $2 and lease = $5)`,
    [id.zone, id.key, cut.packaging, cut.targetDuration, id.lease],
  );
}

/** Everything that CDNs have is still there but has to be made anew: another source, or another kind of segment. */
export async function outdatePackages(database: Queryable, id: CreativeId): Promise<void> {
  await database.query(
    `update creative_package set early_cdns = ${UNION("early_cdns", "cdns")}, cdns = '{}', published_at = null, tries = 0
     where zone = $1 and key = $2 and reason is null`,
    [id.zone, id.key],
  );
}

/** A CDN has nothing of a creative any more, and is not to have it before somebody asks for it again. */
export async function notePurged(database: Queryable, id: CreativeId, cdn: string): Promise<void> {
  await database.query(
    `update creative_package
     set cdns = array_remove(cdns, $3), early_cdns = array_remove(early_cdns, $3),
         purged_cdns = ${UNION("purged_cdns", "array[$3::text]")}, tries = 0
     where zone = $1 and key = $2`,
    [id.zone, id.key, cdn],
  );
}

/**
 * Nothing of these packages is on these CDNs any more, except that they are wanted there.
 *
 * @returns false when none is wanted there
 */
export async function noteRemoved(
  database: Queryable,
  id: CreativeId,
  { cdns, paths }: { readonly cdns: readonly string[]; readonly paths: readonly string[] },
): Promise<boolean> {
  const without = (list: string): string => `array(select unnest(${list}) except select unnest($4::text[]) order by 1)`;
  const rows = await database.query(
    `update creative_package
     set cdns = ${without("cdns")}, early_cdns = ${without("early_cdns")}, published_at = null, tries = 0
     where zone = $1 and key = $2 and path = any($3::text[]) and reason is null and not purged_cdns @> $4::text[]
     returning key`,
    [id.zone, id.key, paths, cdns],
  );
  return rows.length > 0;
}

/** Nobody is to find a package any more. */
export async function dropPackage(database: Queryable, id: CreativeId, cut: Package): Promise<void> {
  await database.query(
    "delete from creative_package where zone = $1 and key = $2 and packaging = $3 and target_duration = $4",
    [id.zone, id.key, cut.packaging, cut.targetDuration],
  );
}
