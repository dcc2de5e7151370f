/** What the API tells of a creative, from its row. */
import type { CreativeState, Packaging } from "@interlude/core";
import type { AdNames, CreativeRecord, PackageRecord, RefusedPackage } from "./creative-record.ts";
import type { FailureReason } from "./creative-state.ts";

/** `adSystem`, `adId` and `creativeId` as VAST named it last. */
export interface CreativeStatus extends AdNames {
  readonly zone: string;
  readonly key: string;
  readonly creativeUrl: string;
  readonly state: CreativeState;
  /** 0 to 1, over all phases; 1 when ready. */
  readonly progress: number;
  readonly attempts: number;
  readonly reason?: FailureReason;
  /** What went wrong, for people. */
  readonly message?: string;
  /** ISO 8601; when a failed creative may be tried again. */
  readonly retryAt?: string;
  /** What is on at least one CDN. */
  readonly packages: readonly PublishedPackage[];
  /** What was asked for and is not made here. */
  readonly refused: readonly RefusedPackage[];
  /** Seconds; left out until it is encoded. */
  readonly duration?: number;
  /** Best first; empty until it is encoded. */
  readonly renditions: readonly RenditionSummary[];
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface PublishedPackage {
  readonly packaging: Packaging;
  readonly targetDuration: number;
  /** Of the master playlist, below a CDN base. */
  readonly path: string;
  /** The CDNs that have something of it that plays. */
  readonly cdns: readonly string[];
  /** Whether all of them have the whole ladder of the present source. */
  readonly isWhole: boolean;
}

export interface RenditionSummary {
  /** `720p` */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly bandwidthBps: number;
  readonly frameRate: number;
  /** RFC 6381, of the video: `avc1.64001f`. */
  readonly codec: string;
}

/** @param progress of the run in hand; default: what the row says */
export function describeCreative(record: CreativeRecord, progress: number = record.progress): CreativeStatus {
  const { life, message } = record;
  return {
    zone: record.zone,
    key: record.key,
    creativeUrl: record.creativeUrl,
    ...record.ad,
    state: life.state,
    progress: life.state === "ready" ? 1 : progress,
    attempts: life.attempts,
    ...(life.reason !== undefined && { reason: life.reason }),
    ...(message !== undefined && { message }),
    ...(life.retryAt !== undefined && { retryAt: life.retryAt.toISOString() }),
    packages: record.packages.map(describePackage).filter((one) => one.cdns.length > 0),
    refused: record.refused,
    ...(record.encoding && { duration: record.encoding.duration }),
    renditions: (record.encoding?.renditions ?? []).map(({ name, width, height, bandwidthBps, codec }) => ({
      name,
      width,
      height,
      bandwidthBps,
      frameRate: frameRateOf(record),
      codec,
    })),
    createdAt: record.createdAt.toISOString(),
    updatedAt: record.updatedAt.toISOString(),
  };
}

function describePackage({ packaging, targetDuration, path, cdns, earlyCdns }: PackageRecord): PublishedPackage {
  const all = [...new Set([...cdns, ...earlyCdns])].toSorted();
  return { packaging, targetDuration, path, cdns: all, isWhole: earlyCdns.length === 0 };
}

/** What is told of a creative that was just forgotten. */
export function describeForgotten(record: CreativeRecord, now: Date): CreativeStatus {
  const state: CreativeState = "absent";
  return {
    ...describeCreative(
      { ...record, life: { state, attempts: 0 }, message: undefined, packages: [], refused: [], encoding: undefined },
      0,
    ),
    updatedAt: now.toISOString(),
  };
}

function frameRateOf({ encoding }: CreativeRecord): number {
  return encoding ? Math.round((encoding.frameRate.numerator / encoding.frameRate.denominator) * 1000) / 1000 : 0;
}
