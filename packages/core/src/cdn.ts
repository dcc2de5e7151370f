/**
 * Where a repackaged creative lives. Every entrance (client, manifest server, CRS API, preload) derives the address with this
 * one function, so that a client needs no service to find it.
 *
 *   {cdnBase}/{zone}/{h1[0..3)}/{h1[3..6)}/{h1}_{h2}.m3u8
 *
 * @see primetime.md §3.6 for the shape; which values are hashed is this project's choice (DESIGN §5)
 */
import { AdError } from "./error.ts";
import { sha256Hex } from "./sha256.ts";
import { isHostMatch, type NormaliseRule, type ZoneDocument } from "./zone.ts";

/** `hls`: version 3, muxed MPEG-TS. `cmaf`: demuxed fragmented MP4. */
export type Packaging = "hls" | "cmaf";

/** What one published master playlist holds: `targetDuration` in seconds, 0 for a remux whose GOPs are longer than any. */
export interface Package {
  readonly packaging: Packaging;
  readonly targetDuration: number;
}

/** The target durations that are made, longest first. */
export const TARGET_DURATIONS: readonly [6, 4, 2] = [6, 4, 2];

/**
 * The URL that stands for a creative in its key: fragment dropped, white space trimmed, then every rule whose host matches.
 * Only the key uses it; the original URL is what gets fetched.
 *
 * @throws AdError `url-malformed` unless it is an absolute http or https URL
 * @see primetime.md §3.7
 */
export function normaliseCreativeUrl(url: string, rules: readonly NormaliseRule[]): string {
  const parsed = parseCreativeUrl(url);
  parsed.hash = "";
  const host = parsed.hostname;
  return rules
    .filter((rule) => isHostMatch(host, rule.host))
    .reduce((text, rule) => text.replace(new RegExp(rule.find), rule.replace), parsed.href);
}

/** @throws AdError `url-malformed` unless it is an absolute http or https URL, white space around it aside */
export function parseCreativeUrl(url: string): URL {
  const trimmed = url.trim();
  const parsed = URL.canParse(trimmed) ? new URL(trimmed) : undefined;
  if (parsed?.protocol !== "http:" && parsed?.protocol !== "https:") {
    throw new AdError(
      "url-malformed",
      `creative URL: expected an absolute http(s) URL, got ${JSON.stringify(url.slice(0, 200))}`,
    );
  }
  return parsed;
}

/** h1: which creative. `normalisedUrl` comes from {@link normaliseCreativeUrl}. 32 lower-case hex digits. */
export function creativeKey(zone: string, normalisedUrl: string): string {
  return hashFields(zone, normalisedUrl);
}

/** h2: which cut of it. 32 lower-case hex digits. */
export function packageKey(cut: Package): string {
  return hashFields(cut.packaging, String(cut.targetDuration));
}

/** Length-prefixed, so that no two tuples share a text. */
function hashFields(...fields: readonly string[]): string {
  const encoder = new TextEncoder();
  return sha256Hex(fields.map((field) => `${encoder.encode(field).length}:${field},`).join("")).slice(0, 32);
}

/** The path of the master playlist below a CDN base, without a leading slash. */
export function masterPath(zone: string, key: string, cut: Package): string {
  return `${zone}/${key.slice(0, 3)}/${key.slice(3, 6)}/${key}_${packageKey(cut)}.m3u8`;
}

/**
 * The base of the CDN that `ptcdn` names; without a name, the zone's default.
 *
 * @throws AdError `option-invalid` for a name that the zone does not have
 * @see primetime.md §1.4 `ptcdn`
 */
export function selectCdn(zone: ZoneDocument, ptcdn: string | undefined): URL {
  const name = ptcdn ?? zone.defaultCdn;
  const base = Object.hasOwn(zone.cdns, name) ? zone.cdns[name] : undefined;
  if (base) return base;
  const names = Object.keys(zone.cdns).join(", ");
  throw new AdError("option-invalid", `ptcdn: expected one of ${names}, got ${JSON.stringify(name)}`);
}

/**
 * The longest target duration that is made and not above the content's: 5 → 4, 10 → 6.
 *
 * @param content EXT-X-TARGETDURATION of the content, seconds
 * @returns undefined for live content below 2 s, which no repackaged ad fits (`target-duration-exceeded`); VOD takes 2 then
 */
export function selectTargetDuration(content: number, isLive: boolean): number | undefined {
  return TARGET_DURATIONS.find((duration) => duration <= content) ?? (isLive ? undefined : 2);
}

/** What a consumer may splice: its content's packaging, target duration (undefined: not known) and whether it is live. */
export interface SpliceNeeds {
  readonly packaging: Packaging;
  readonly targetDuration: number | undefined;
  readonly isLive: boolean;
  /** True: the content is sound alone, and so must the ad be. Default false. */
  readonly isAudioOnly?: boolean;
}

/**
 * The packages that fit, in the order in which they are probed; the first is the one to ask for. A remux with longer GOPs
 * (target duration 0) comes last, and only for VOD, which may raise TARGETDURATION. Empty: nothing fits.
 */
export function selectPackages(needs: SpliceNeeds, zone: ZoneDocument): readonly Package[] {
  const known = needs.targetDuration;
  const fitting = known === undefined ? zone.targetDurations : [selectTargetDuration(known, needs.isLive)];
  const durations = fitting.filter((duration) => duration !== undefined);
  if (durations.length > 0 && !needs.isLive) durations.push(0);
  return durations.map((targetDuration) => ({ packaging: needs.packaging, targetDuration }));
}
