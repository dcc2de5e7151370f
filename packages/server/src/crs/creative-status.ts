/** What the API tells of a creative, from its row. */
import type { CreativeState, Packaging } from "@interlude/core";
import type { CreativeRecord } from "./creative-store.ts";
import type { FailureReason } from "./creative-state.ts";

export interface CreativeStatus {
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
  /** The CDNs that have it. */
  readonly cdns: readonly string[];
}

export interface RenditionSummary {
  readonly width: number;
  readonly height: number;
  readonly bandwidthBps: number;
  readonly frameRate: number;
}

/** @param progress of the run in hand; default: what the row says */
export function describeCreative(record: CreativeRecord, progress: number = record.progress): CreativeStatus {
  const { life, message } = record;
  return {
    zone: record.zone,
    key: record.key,
    creativeUrl: record.creativeUrl,
    state: life.state,
    progress: life.state === "ready" ? 1 : progress,
    attempts: life.attempts,
    ...(life.reason !== undefined && { reason: life.reason }),
    ...(message !== undefined && { message }),
    ...(life.retryAt !== undefined && { retryAt: life.retryAt.toISOString() }),
    packages: record.packages
      .filter((one) => one.cdns.length > 0)
      .map(({ packaging, targetDuration, path, cdns }) => ({ packaging, targetDuration, path, cdns })),
    renditions: (record.encoding?.renditions ?? []).map(({ width, height, bandwidthBps }) => ({
      width,
      height,
      bandwidthBps,
      frameRate: frameRateOf(record),
    })),
    createdAt: record.createdAt.toISOString(),
    updatedAt: record.updatedAt.toISOString(),
  };
}

/** What is told of a creative that was just forgotten. */
export function describeForgotten(record: CreativeRecord, now: Date): CreativeStatus {
  const state: CreativeState = "absent";
  return {
    ...describeCreative(
      { ...record, life: { state, attempts: 0 }, message: undefined, packages: [], encoding: undefined },
      0,
    ),
    updatedAt: now.toISOString(),
  };
}

function frameRateOf({ encoding }: CreativeRecord): number {
  return encoding ? Math.round((encoding.frameRate.numerator / encoding.frameRate.denominator) * 1000) / 1000 : 0;
}
