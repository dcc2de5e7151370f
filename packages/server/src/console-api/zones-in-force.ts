/** What is in force for a zone, in words and numbers that an operator reads, without secrets. */
import type { Upstream, ZoneRelay } from "../ads/relay/relay-zone.ts";
import type { ZoneManifest } from "../manifest/zone-manifest.ts";
import type { ZoneConfig } from "../zones.ts";
import { showTag } from "./without-secrets.ts";

export interface ZoneInForce {
  readonly zone: string;
  readonly cdns: Readonly<Record<string, string>>;
  readonly defaultCdn: string;
  readonly targetDurations: readonly number[];
  readonly mediaTypes: readonly string[];
  readonly creativeHosts: readonly string[];
  /** How many there are. */
  readonly normaliseRules: number;
  /** Left out: the manifest server serves nothing of this zone. */
  readonly manifest?: readonly Fact[];
  /** Left out: the zone's ads come from the campaign file. */
  readonly relay?: readonly Fact[];
  readonly tracking: readonly Fact[];
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

/** A zone as the operator set it up. */
export function describeZone(config: ZoneConfig): ZoneInForce {
  const { zone, cdns, defaultCdn, targetDurations, mediaTypes, creativeHosts, normalise } = config;
  return {
    zone,
    cdns,
    defaultCdn,
    targetDurations,
    mediaTypes,
    creativeHosts,
    normaliseRules: normalise.length,
    ...(config.manifest && { manifest: describeManifest(config.manifest) }),
    ...(config.relay && { relay: describeRelay(config.relay) }),
    tracking: [{ name: "signed", value: config.tracking?.signed ?? "marked" }],
  };
}

function describeManifest(manifest: ZoneManifest): readonly Fact[] {
  const { originSecret: secret, rewriteRules, corsOrigins } = manifest;
  const tag = (address: string | undefined, otherwise: string): string =>
    address === undefined ? otherwise : showTag(address);
  return [
    { name: "contentOrigins", value: list(manifest.contentOrigins, "none") },
    { name: "adTagUrl", value: tag(manifest.adTagUrl, "none: no ads") },
    { name: "availTagUrl", value: tag(manifest.availTagUrl, "as adTagUrl") },
    { name: "preRollTagUrl", value: tag(manifest.preRollTagUrl, "none: live content has no pre-roll") },
    { name: "fallbackTagUrl", value: tag(manifest.fallbackTagUrl, "none") },
    { name: "adTimeoutMs", value: String(manifest.adTimeoutMs) },
    { name: "startBudgetMs", value: String(manifest.startBudgetMs) },
    { name: "cueFormat", value: manifest.cueFormat ?? "all that are known" },
    { name: "rewriteRules", value: list(names(rewriteRules), "none") },
    { name: "corsOrigins", value: corsOrigins === undefined ? "all" : list(corsOrigins, "none") },
    { name: "originSecret", value: secret === undefined ? "none" : `header ${secret.name} (its value is not shown)` },
  ];
}

function describeRelay(relay: ZoneRelay): readonly Fact[] {
  const { block, priority } = relay.rules;
  return [
    ...relay.upstreams.map((upstream) => ({ name: `upstream ${upstream.name}`, value: describeUpstream(upstream) })),
    { name: "fallback", value: relay.fallback },
    { name: "timeoutMs", value: String(relay.timeoutMs) },
    { name: "wrapperLimit", value: String(relay.wrapperLimit) },
    { name: "block.adSystems", value: list(block.adSystems, "none") },
    { name: "block.hosts", value: list(block.hosts, "none") },
    { name: "priority.adSystems", value: list(priority.adSystems, "none") },
    { name: "priority.hosts", value: list(priority.hosts, "none") },
    { name: "normalise", value: relay.normalise },
  ];
}

function describeUpstream({ tagUrl, timeoutMs, headers, parameters }: Upstream): string {
  const passed = parameters === "all" ? "all parameters" : `parameters: ${list(parameters, "none")}`;
  const sent = Object.keys(headers);
  const secret = sent.length > 0 ? `, headers ${sent.join(", ")} (their values are not shown)` : "";
  return `${showTag(tagUrl)}, ${timeoutMs} ms, ${passed}${secret}`;
}

/** One rule may stand under several names. */
function names(rules: readonly { readonly name: string }[]): readonly string[] {
  return [...new Set(rules.map(({ name }) => name))];
}

function list(texts: readonly string[], otherwise: string): string {
  return texts.length > 0 ? texts.join(", ") : otherwise;
}
