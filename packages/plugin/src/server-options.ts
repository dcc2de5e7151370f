/**
 * What a page says of a session that a manifest server stitches.
 */
import { wrongOption } from "./wrong-option.ts";

/** Where the tracking of such a session is: in sidecars of one of four forms, or in EXT-X-MARKER. */
export type ServerTracking = (typeof TRACKING)[number];

const TRACKING = ["v1", "v2", "v3", "vmap", "marker"] as const;

/** @see docs/tracking.md; primetime.md §2.2 */
export interface ServerOptions {
  /**
   * As `pttrackingmode` and `pttrackingversion` of the bootstrap URL say: `marker` without a mode, else the version. Sidecars are read
   * by what they are, so a wrong version costs nothing; `marker` in place of a version, or the reverse, costs all tracking.
   */
  readonly tracking: ServerTracking;
  /** One sidecar, and with it how long a playlist may wait for it (live: at most half a target duration). Default 1500. */
  readonly sidecarTimeoutMs?: number;
}

/** Server options checked and completed. */
export type ServerSettings = Required<ServerOptions>;

/** @throws AdError `option-invalid` naming the option */
export function parseServerOptions(options: ServerOptions | undefined): ServerSettings | undefined {
  if (options === undefined) return undefined;
  const { tracking, sidecarTimeoutMs = 1500 } = options;
  if (!TRACKING.includes(tracking)) throw wrongOption("server.tracking", TRACKING.join(", "), tracking);
  if (!Number.isFinite(sidecarTimeoutMs) || sidecarTimeoutMs < 0)
    throw wrongOption("server.sidecarTimeoutMs", "milliseconds from 0", sidecarTimeoutMs);
  return { tracking, sidecarTimeoutMs };
}
