/**
 * Failover (`ptfailover`): a master that lists every stream twice, for two CDNs say, is two sessions with ads of their own, so that
 * a player that falls back finds a playlist that another machine would have stitched in the same way.
 *
 * @see primetime.md §1.10
 */
import { createHash } from "node:crypto";

/** What tells streams apart; empty where the master does not say. */
export interface FailoverStream {
  readonly bandwidth: string;
  readonly resolution: string;
}

/** For each stream, in its order: whether it is in the backup set. */
export interface FailoverSets {
  readonly variants: readonly boolean[];
  readonly iFrames: readonly boolean[];
}

/**
 * The first variant of each BANDWIDTH is primary, all that follow with the same are backup. The n-th I-frame stream of a
 * RESOLUTION is where the n-th variant of that RESOLUTION is; one too many, or of another RESOLUTION, is primary.
 */
export function splitFailover(
  variants: readonly FailoverStream[],
  iFrames: readonly Pick<FailoverStream, "resolution">[],
): FailoverSets {
  const seen = new Set<string>();
  const ofResolution = new Map<string, boolean[]>();
  const backups = variants.map(({ bandwidth, resolution }) => {
    const isBackup = seen.has(bandwidth);
    seen.add(bandwidth);
    ofResolution.set(resolution, [...(ofResolution.get(resolution) ?? []), isBackup]);
    return isBackup;
  });
  return {
    variants: backups,
    iFrames: iFrames.map(({ resolution }) => ofResolution.get(resolution)?.shift() ?? false),
  };
}

/** The id of a session's backup set: the same on every instance, and no id of another session. A UUID (RFC 9562 §5.8). */
export function backupSessionId(sessionId: string): string {
  const hex = createHash("sha256").update(`failover of ${sessionId}`).digest("hex");
  const variant = (8 + (Number.parseInt(hex[16] ?? "0", 16) % 4)).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
