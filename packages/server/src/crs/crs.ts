/**
 * The Creative Repackaging Service: a creative's URL in, an HLS ladder on every CDN out.
 *
 * @see primetime.md §3
 */
import type { CreativeState, Packaging } from "@interlude/core";
import type { FailureReason } from "./creative-state.ts";

export interface RepackageRequestInput {
  /** Letters, digits, `_`, `-`, at most 64. */
  readonly zone: string;
  /** The original URL; it is normalised for the key only. */
  readonly creativeUrl: string;
  readonly packaging: Packaging;
  /** 6, 4 or 2 seconds. */
  readonly targetDuration: number;
}

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

export interface CreativeFilter {
  readonly zone?: string;
  readonly state?: CreativeState;
}

/** What became of a request: the creative's key, the state that it was in before, and its status now. */
export interface Submission {
  readonly key: string;
  readonly before: CreativeState;
  readonly status: CreativeStatus;
}

export interface Crs {
  /**
   * Asks for one package of one creative. Any number of requests for the same creative, at once or not, cause one encode.
   *
   * @throws QueueFull; AdError `url-malformed`, `option-invalid`
   */
  submit(input: RepackageRequestInput): Promise<Submission>;
  /** undefined: never asked for, or forgotten. */
  status(zone: string, key: string): Promise<CreativeStatus | undefined>;
  /** The 1,000 that changed last, newest first. */
  list(filter: CreativeFilter): Promise<readonly CreativeStatus[]>;
  /** Ends its job and removes its row, its stored encoding and its objects on every CDN. False: it was not there. */
  forget(zone: string, key: string): Promise<boolean>;
  /** Tells every change of a creative that this process works on or is asked about; returns the end of it. */
  subscribe(listener: (status: CreativeStatus) => void): () => void;
  start(): Promise<void>;
  /** Ends running jobs at once; they are taken up again after the next start. */
  stop(): Promise<void>;
}

/** The queue holds as many creatives as it may; nothing was changed. */
export class QueueFull extends Error {
  override readonly name = "QueueFull";
  readonly code = "queue-full";
  /** A guess at when there is room again. */
  readonly retryAfterSeconds: number = 30;
}
