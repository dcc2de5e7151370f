/** Creatives as `/v1/creatives` and `/v1/events` tell of them. */

export const CREATIVE_STATES = [
  "absent",
  "queued",
  "fetching",
  "transcoding",
  "publishing",
  "ready",
  "failed",
  "blocked",
] as const;
export type CreativeState = (typeof CREATIVE_STATES)[number];

export interface Creative {
  readonly zone: string;
  readonly key: string;
  readonly creativeUrl: string;
  readonly adSystem?: string;
  readonly adId?: string;
  readonly creativeId?: string;
  readonly state: CreativeState;
  /** 0 to 1. */
  readonly progress: number;
  readonly attempts: number;
  readonly reason?: string;
  readonly message?: string;
  readonly retryAt?: string;
  readonly packages: readonly CreativePackage[];
  readonly refused: readonly { readonly packaging: string; readonly targetDuration: number; readonly reason: string }[];
  /** Seconds; left out until it is encoded. */
  readonly duration?: number;
  readonly renditions: readonly Rendition[];
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface CreativePackage {
  readonly packaging: string;
  readonly targetDuration: number;
  /** Of the master playlist, below a CDN base. */
  readonly path: string;
  readonly cdns: readonly string[];
  readonly isWhole: boolean;
}

export interface Rendition {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly bandwidthBps: number;
  readonly frameRate: number;
  readonly codec: string;
}

export interface CreativeList {
  readonly creatives: readonly Creative[];
  /** These and those beyond the first 1,000. */
  readonly total: number;
}

export interface CreativeFilter {
  readonly zone?: string;
  readonly state?: string;
  /** A part of the original URL. */
  readonly url?: string;
}

const WORKING: ReadonlySet<CreativeState> = new Set(["queued", "fetching", "transcoding", "publishing"]);

/** Whether there is a run that its progress is of. */
export function isWorking({ state }: Pick<Creative, "state">): boolean {
  return WORKING.has(state);
}

/** Path of one creative's API, below the server's root. */
export function creativePath({ zone, key }: Pick<Creative, "zone" | "key">): string {
  return `v1/creatives/${encodeURIComponent(zone)}/${key}`;
}

/**
 * The list after one has changed: at its place where it is listed, first where it is new and the filter takes it, gone where
 * it is forgotten or the filter takes it no longer.
 */
export function applyChange(list: CreativeList, changed: Creative, filter: CreativeFilter): CreativeList {
  const isSame = (one: Creative): boolean => one.key === changed.key && one.zone === changed.zone;
  const isListed = list.creatives.some(isSame);
  const fits =
    changed.state !== "absent" &&
    (!filter.zone || filter.zone === changed.zone) &&
    (!filter.state || filter.state === changed.state) &&
    (!filter.url || changed.creativeUrl.includes(filter.url));
  if (isListed && fits) return { ...list, creatives: list.creatives.map((one) => (isSame(one) ? changed : one)) };
  if (isListed) {
    return { creatives: list.creatives.filter((one) => !isSame(one)), total: list.total - 1 };
  }
  return fits ? { creatives: [changed, ...list.creatives], total: list.total + 1 } : list;
}
