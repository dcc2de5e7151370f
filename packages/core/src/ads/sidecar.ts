/**
 * Sidecars: what a client that fires its own beacons reads beside the playlist, in the four forms that Primetime clients ask for.
 *
 * @see primetime.md §2.2-2.6
 */
import type { SidecarInput } from "./sidecar-break.ts";
import { buildTimes, buildPods } from "./sidecar-json.ts";
import { formatVmapJson, formatVmapSidecar } from "./sidecar-vmap.ts";

export type * from "./sidecar-break.ts";

/** `v1` to `v3` are JSON, `vmap` is XML. */
export type SidecarVersion = "v1" | "v2" | "v3" | "vmap";

/** Ready to be sent. */
export interface Sidecar {
  readonly contentType: string;
  readonly body: string;
}

const BODY_OF_VERSION: Readonly<Record<SidecarVersion, (input: SidecarInput) => string>> = {
  v1: (input) => JSON.stringify(buildTimes(input)),
  v2: (input) => JSON.stringify(buildPods(input)),
  v3: formatVmapJson,
  vmap: formatVmapSidecar,
};

/** Breaks, ads and trackers come in the order of their times. Characters that XML cannot carry are left out of the VMAP. */
export function buildSidecar(version: SidecarVersion, input: SidecarInput): Sidecar {
  const contentType = version === "vmap" ? "application/xml; charset=utf-8" : "application/json; charset=utf-8";
  return { contentType, body: BODY_OF_VERSION[version](input) };
}
