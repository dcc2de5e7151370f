/**
 * What one request cost and caused: the fields of X-ADBE-AI-X1 and the records of `ptdebug`.
 *
 * @see primetime.md §1.15
 */

/** Mutable on purpose: every part of a request adds to the one that it was given. Times in milliseconds. */
export interface RequestTrace {
  breaks: number;
  breakSeconds: number;
  adCalls: number;
  redirectAdCalls: number;
  adCallMs: number;
  insertedAds: number;
  sourceFetchMs: number;
  /** All fetches of ad playlists added up, and from the first one's start to the last one's end. */
  adManifestSumMs: number;
  adManifestMs: number;
  contentHits: number;
  contentMisses: number;
  adManifestHits: number;
  adManifestMisses: number;
  isActivePreRoll: boolean;
  isActiveMidRoll: boolean;
  readonly records: TraceRecord[];
}

/** `type` as in Primetime (`TRACE_AD_CALL`); fields in its order, tabs and line ends not yet removed. */
export interface TraceRecord {
  readonly type: string;
  readonly fields: readonly (string | number | undefined)[];
}

export function createTrace(): RequestTrace {
  return {
    breaks: 0,
    breakSeconds: 0,
    adCalls: 0,
    redirectAdCalls: 0,
    adCallMs: 0,
    insertedAds: 0,
    sourceFetchMs: 0,
    adManifestSumMs: 0,
    adManifestMs: 0,
    contentHits: 0,
    contentMisses: 0,
    adManifestHits: 0,
    adManifestMisses: 0,
    isActivePreRoll: false,
    isActiveMidRoll: false,
    records: [],
  };
}
