/** A creative as its rows tell it. */
import type { CreativeState, Package, Packaging } from "@interlude/core";
import { type CreativeLife, type FailureReason, isFailureReason } from "./creative-state.ts";
import type { Encoding } from "./encoding.ts";
import type { SourceFacts } from "./fetch-source.ts";

export interface CreativeId {
  readonly zone: string;
  readonly key: string;
}

export interface CreativeRecord extends CreativeId {
  readonly creativeUrl: string;
  readonly life: CreativeLife;
  readonly message: string | undefined;
  readonly lease: number;
  /** Of the queue; the job that works or will work on it. */
  readonly jobId: string | undefined;
  readonly progress: number;
  readonly encoding: Encoding | undefined;
  /** Of what the encoding was made from; undefined: never fetched. */
  readonly source: SourceFacts | undefined;
  /** When the source was last found to be what `source` says. */
  readonly checkedAt: Date | undefined;
  /** Whether its packages carry timed metadata. */
  readonly id3: boolean;
  /** As VAST named it last. */
  readonly ad: AdNames;
  readonly packages: readonly PackageRecord[];
  readonly refused: readonly RefusedPackage[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** When somebody asked for it last, to the hour. */
  readonly askedAt: Date;
}

/** What an ad server calls an ad. @see VAST 4.3 §3.4.1, §3.7 */
export interface AdNames {
  readonly adSystem?: string;
  readonly adId?: string;
  readonly creativeId?: string;
}

/** One cut of a creative, and where it is. */
export interface PackageRecord extends Package {
  readonly path: string;
  /** Names of the CDNs that have the ladder. */
  readonly cdns: readonly string[];
  /** Names of the CDNs that have something else that plays: a first layer, or what an earlier version of the source gave. */
  readonly earlyCdns: readonly string[];
  /** Names of the CDNs that it was taken from; they get it again when it is asked for again. */
  readonly purgedCdns: readonly string[];
  /** How often its ladder was brought to the CDNs, taken or not, since it was made anew or taken from one of them. */
  readonly tries: number;
  /** When it was last brought to the CDNs, whether all took it or not; undefined: wanted only. */
  readonly publishedAt: Date | undefined;
}

/** What was asked for and is not made here. */
export interface RefusedPackage {
  readonly packaging: string;
  readonly targetDuration: number;
  readonly reason: FailureReason;
}

export interface CreativeRow {
  readonly zone: string;
  readonly key: string;
  readonly creative_url: string;
  readonly state: CreativeState;
  readonly attempts: number;
  readonly reason: string | null;
  readonly message: string | null;
  readonly retry_at: Date | null;
  readonly lease: number;
  readonly job_id: string | null;
  readonly progress: number;
  readonly encoding: Encoding | null;
  readonly source: SourceFacts | null;
  readonly checked_at: Date | null;
  readonly id3: boolean;
  readonly ad_system: string | null;
  readonly ad_id: string | null;
  readonly creative_id: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly asked_at: Date;
}

export interface PackageRow {
  readonly zone: string;
  readonly key: string;
  readonly packaging: string;
  readonly target_duration: number;
  readonly path: string;
  readonly cdns: readonly string[];
  readonly early_cdns: readonly string[];
  readonly purged_cdns: readonly string[];
  readonly tries: number;
  readonly reason: string | null;
  readonly published_at: Date | null;
}

/** @param packages of this creative */
export function toRecord(row: CreativeRow, packages: readonly PackageRow[]): CreativeRecord {
  const life: CreativeLife = {
    state: row.state,
    attempts: row.attempts,
    ...(row.reason !== null && isFailureReason(row.reason) && { reason: row.reason }),
    ...(row.retry_at !== null && { retryAt: row.retry_at }),
  };
  return {
    zone: row.zone,
    key: row.key,
    creativeUrl: row.creative_url,
    life,
    message: row.message ?? undefined,
    lease: row.lease,
    jobId: row.job_id ?? undefined,
    progress: row.progress,
    encoding: row.encoding ?? undefined,
    source: row.source ?? undefined,
    checkedAt: row.checked_at ?? undefined,
    id3: row.id3,
    ad: {
      ...(row.ad_system !== null && { adSystem: row.ad_system }),
      ...(row.ad_id !== null && { adId: row.ad_id }),
      ...(row.creative_id !== null && { creativeId: row.creative_id }),
    },
    packages: packages.flatMap(toPackage),
    refused: packages.flatMap(toRefused),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    askedAt: row.asked_at,
  };
}

function toPackage(row: PackageRow): readonly PackageRecord[] {
  const { packaging, target_duration: targetDuration, path, cdns, tries } = row;
  if (row.reason !== null || !isMade(packaging)) return [];
  const publishedAt = row.published_at ?? undefined;
  const { early_cdns: earlyCdns, purged_cdns: purgedCdns } = row;
  return [{ packaging, targetDuration, path, cdns, earlyCdns, purgedCdns, tries, publishedAt }];
}

function toRefused({ packaging, target_duration: targetDuration, reason }: PackageRow): readonly RefusedPackage[] {
  return reason !== null && isFailureReason(reason) ? [{ packaging, targetDuration, reason }] : [];
}

/** Whether packages of this kind are made here. */
export function isMade(packaging: string): packaging is Packaging {
  return packaging === "hls" || packaging === "cmaf";
}
