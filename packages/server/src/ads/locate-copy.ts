/** Where the repackaged copy of a creative is read. */
import type { Packaging } from "@interlude/core";
import { locateOnCdn, type ZoneConfig } from "../zones.ts";
import type { CreativeProgress } from "./admission.ts";

/** One package: `targetDuration` in seconds, 0 for a remux with the source's own GOPs. */
export interface PackageName {
  readonly packaging: Packaging;
  readonly targetDuration: number;
}

/**
 * The master playlist on the zone's default CDN where that has it, else on another one; a path of this server, or an absolute URL.
 * undefined: nothing of this package plays yet.
 */
export function locateCopy(
  { packaging, targetDuration }: PackageName,
  { packages }: Pick<CreativeProgress, "packages">,
  zone: ZoneConfig,
): string | undefined {
  const made = packages.find((one) => one.packaging === packaging && one.targetDuration === targetDuration);
  const cdn = made?.cdns.includes(zone.defaultCdn) ? zone.defaultCdn : made?.cdns[0];
  return made && cdn !== undefined ? locateOnCdn(zone, cdn, made.path) : undefined;
}
