/**
 * What a publisher sets, with defaults. Every wait is bounded: the content never depends on an ad server, a CDN or CRS.
 */
import { AdError } from "@interlude/core";
import { wrongOption } from "./wrong-option.ts";
import {
  type OpportunityOptions,
  type OpportunitySettings,
  parseOpportunityOptions,
  parseUrl,
} from "./opportunity-options.ts";
import {
  type FirstEncounterOptions,
  type FirstEncounterSettings,
  parseFirstEncounterOptions,
} from "./first-encounter-options.ts";
import { parsePolicyOptions, type PolicyOptions, type PolicySettings } from "./policy-options.ts";
import { parseTrackingOptions, type TrackingOptions, type TrackingSettings } from "./tracking-options.ts";
import { parseServerOptions, type ServerOptions, type ServerSettings } from "./server-options.ts";

export interface AdInsertionOptions extends OpportunityOptions, PolicyOptions, TrackingOptions, FirstEncounterOptions {
  /** The zone document, `…/v1/zones/{zone}.json`. Relative to the page. Needed unless there is a `zone` or a `server` stitches. */
  readonly zoneUrl?: string | URL;
  /**
   * The zone document itself, for pages that carry it: one request less before the first ad. `zoneUrl` is then not asked for; it, or the
   * page without it, is what the document's relative URLs are read against.
   */
  readonly zone?: object;
  /**
   * The content is a session of a manifest server, which puts the ads in: only what they owe and what the viewer does is left to the
   * plugin. Zone, ad tags and `breaks` are not used then.
   */
  readonly server?: ServerOptions;
  /**
   * The ad server's answer to all breaks: VMAP, or VAST for a pre-roll (live: for each avail, asked once per avail with its id as
   * `break` and its length as `duration`). Without it only `breaks` are filled.
   */
  readonly adTagUrl?: string | URL;
  /** Names one of the zone's CDNs; absent: the zone's default. A name that the zone does not have ends the set-up with an error. */
  readonly ptcdn?: string;
  /** The session id that ad requests carry; absent: a random one. */
  readonly session?: string;
  /** True: the content is live, so that a VAST tag is not asked before the first avail. */
  readonly live?: boolean;
  /** Where the ad server takes repackage requests; absent: `repackage` beside the ad tag. */
  readonly repackageUrl?: string | URL;
  /** True: follow CRS's progress after a request (`workflowstep` 6). A demonstration; the ads do not need it. */
  readonly followRepackaging?: boolean;
  /** `include` sends cookies with ad requests and beacons. Default `omit`. */
  readonly credentials?: "omit" | "include";
  /** How long the start of the content may wait for a pre-roll, from the first media playlist on. Default 1500. */
  readonly startBudgetMs?: number;
  /** Zone document. Default 3000. */
  readonly zoneTimeoutMs?: number;
  /** Ad tag, and VAST with its whole wrapper chain. Default 5000. */
  readonly adTimeoutMs?: number;
  /** One question to the CDN. Default 2500. */
  readonly probeTimeoutMs?: number;
  /** One media playlist of an ad. Default 4000. */
  readonly playlistTimeoutMs?: number;
  /** The request for repackaging. Default 4000. */
  readonly repackageTimeoutMs?: number;
}

/** Options checked and completed. */
export interface Settings extends OpportunitySettings, PolicySettings, TrackingSettings, FirstEncounterSettings {
  /** Undefined in a session that a server stitches. */
  readonly zoneUrl: URL | undefined;
  /** Not checked; undefined: to be fetched. */
  readonly zone: object | undefined;
  readonly server: ServerSettings | undefined;
  readonly adTagUrl: URL | undefined;
  readonly ptcdn: string | undefined;
  readonly session: string;
  readonly live: boolean;
  readonly repackageUrl: URL | undefined;
  readonly followRepackaging: boolean;
  readonly credentials: "omit" | "include";
  readonly startBudgetMs: number;
  readonly zoneTimeoutMs: number;
  readonly adTimeoutMs: number;
  readonly probeTimeoutMs: number;
  readonly playlistTimeoutMs: number;
  readonly repackageTimeoutMs: number;
}

/**
 * @param base the page's address, against which relative URLs are read
 * @param createSession makes a session id where the options bring none
 * @throws AdError `option-invalid` naming the option
 */
export function parseOptions(options: AdInsertionOptions, base: string, createSession: () => string): Settings {
  if (!["omit", "include"].includes(options.credentials ?? "omit"))
    throw wrongOption("credentials", "omit or include", options.credentials);
  const server = parseServerOptions(options.server);
  const adTagUrl = options.adTagUrl === undefined ? undefined : parseUrl("adTagUrl", options.adTagUrl, base);
  const opportunities = parseOpportunityOptions(options, base);
  const beside = adTagUrl ?? findTag(opportunities);
  return {
    ...opportunities,
    ...parsePolicyOptions(options),
    ...parseTrackingOptions(options),
    ...parseFirstEncounterOptions(options, base),
    zoneUrl: server ? undefined : parseZoneUrl(options, base),
    zone: options.zone,
    server,
    adTagUrl,
    ptcdn: options.ptcdn,
    session: options.session ?? createSession(),
    live: options.live ?? false,
    repackageUrl:
      options.repackageUrl === undefined
        ? beside && new URL("repackage", beside)
        : parseUrl("repackageUrl", options.repackageUrl, base),
    followRepackaging: options.followRepackaging ?? false,
    credentials: options.credentials ?? "omit",
    startBudgetMs: parseMs("startBudgetMs", options.startBudgetMs ?? 1500),
    zoneTimeoutMs: parseMs("zoneTimeoutMs", options.zoneTimeoutMs ?? 3000),
    adTimeoutMs: parseMs("adTimeoutMs", options.adTimeoutMs ?? 5000),
    probeTimeoutMs: parseMs("probeTimeoutMs", options.probeTimeoutMs ?? 2500),
    playlistTimeoutMs: parseMs("playlistTimeoutMs", options.playlistTimeoutMs ?? 4000),
    repackageTimeoutMs: parseMs("repackageTimeoutMs", options.repackageTimeoutMs ?? 4000),
  };
}

/** The first tag of the page's own breaks. */
function findTag({ breaks }: OpportunitySettings): URL | undefined {
  return breaks.flatMap(({ ads }) => (ads?.kind === "tag" ? [ads.url] : []))[0];
}

function parseZoneUrl({ zoneUrl, zone }: AdInsertionOptions, base: string): URL {
  if (zoneUrl !== undefined) return parseUrl("zoneUrl", zoneUrl, base);
  if (zone !== undefined) return new URL(base);
  throw new AdError(
    "option-invalid",
    "zoneUrl: expected the address of a zone document, or the option zone or server, got none",
  );
}

function parseMs(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw wrongOption(name, "milliseconds from 0", value);
}
