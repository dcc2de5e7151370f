/**
 * The zones (customer accounts) of a server and the document that a client reads of each, `GET /v1/zones/{zone}.json`.
 */
import { ENCOUNTER_STEPS, type EncounterStep, type NormaliseRule, parseZoneDocument } from "@interlude/core";
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";
import { readZoneRelay } from "./ads/relay/relay-config.ts";
import type { ZoneRelay } from "./ads/relay/relay-zone.ts";
import { HttpError } from "./http-error.ts";
import { readZoneManifest } from "./manifest/read-zone-manifest.ts";
import type { ZoneManifest } from "./manifest/zone-manifest.ts";
import {
  type JsonField,
  readEntries,
  readJsonFile,
  readList,
  readMembers,
  readNumber,
  readOptional,
  readString,
  wrongField,
} from "./json-field.ts";
import { readZoneTracking, type ZoneTracking } from "./tracking/zone-tracking.ts";

/** One customer account, as the operator set it up. */
export interface ZoneConfig {
  readonly zone: string;
  /** URL references by CDN name, relative to the zone document. */
  readonly cdns: Readonly<Record<string, string>>;
  readonly defaultCdn: string;
  readonly targetDurations: readonly number[];
  readonly normalise: readonly NormaliseRule[];
  readonly mediaTypes: readonly string[];
  /** For players whose page says nothing of it; undefined: what is best by what they know. */
  readonly firstEncounter?: readonly EncounterStep[] | undefined;
  /** Hosts whose creatives may be repackaged although this server never served them: `host`, or `.host` with all below it. */
  readonly creativeHosts: readonly string[];
  /** undefined: tags that name no line item are answered from the campaign file. */
  readonly relay?: ZoneRelay | undefined;
  /** undefined: beacons whose URL this server did not write, or not so, are marked. */
  readonly tracking?: ZoneTracking | undefined;
  /** undefined: the manifest server serves nothing of this zone. */
  readonly manifest?: ZoneManifest | undefined;
}

/** A CDN that this server publishes to; without `publicUrl`, only zones that say where players read it have it. */
export interface PublishedCdn {
  readonly name: string;
  readonly publicUrl: string | undefined;
}

/** A zone that has every CDN that says where players read it; the first is the default. */
export function standardZone(zone: string, published: readonly PublishedCdn[]): ZoneConfig {
  const cdns = Object.fromEntries(published.flatMap(({ name, publicUrl }) => (publicUrl ? [[name, publicUrl]] : [])));
  return {
    zone,
    cdns,
    defaultCdn: Object.keys(cdns)[0] ?? "",
    targetDurations: [6, 4],
    normalise: [],
    mediaTypes: [],
    creativeHosts: [],
  };
}

/** Where relative CDN references of a zone are resolved when no client is there to ask. */
const DOCUMENT_BASE = "http://server.invalid";

/**
 * The zones file: `{ "version": 1, "zones": [ { "zone": "1", "cdns"?, "defaultCdn"?, "targetDurations"?, "normalise"?,
 * "mediaTypes"?, "firstEncounter"?, "creativeHosts"?, "relay"?, "tracking"?, "manifest"? } ] }`; what a zone leaves out is as in
 * {@link standardZone}. Members of `relay`: {@link ZoneRelay}, of `manifest`: {@link ZoneManifest}.
 *
 * @throws AdError `option-invalid` naming file, line and field
 */
export function parseZones(text: string, file: string, published: readonly PublishedCdn[]): readonly ZoneConfig[] {
  const root = readMembers(readJsonFile(text, file), ["version", "zones"]);
  readNumber(root.version, "1", (version) => version === 1);
  const names = new Set<string>();
  const zones = readList(root.zones, (field) => {
    const zone = readZone(field, published);
    if (names.has(zone.zone)) throw wrongField(field, "a zone that the list does not have yet", zone.zone);
    names.add(zone.zone);
    return zone;
  });
  if (zones.length === 0) throw wrongField(root.zones, "at least one zone");
  return zones;
}

function readZone(field: JsonField, published: readonly PublishedCdn[]): ZoneConfig {
  const members = readMembers(field, [
    "zone",
    "cdns",
    "defaultCdn",
    "targetDurations",
    "normalise",
    "mediaTypes",
    "firstEncounter",
    "creativeHosts",
    "relay",
    "tracking",
    "manifest",
  ]);
  const standard = standardZone(readString(members.zone), published);
  const cdns = members.cdns.node
    ? Object.fromEntries(
        readEntries(members.cdns).map(([name, cdn]) => [checkPublished(name, cdn, published), readString(cdn)]),
      )
    : standard.cdns;
  const texts = (list: JsonField, otherwise: readonly string[]): readonly string[] =>
    list.node ? readList(list, readString) : otherwise;
  const zone = {
    zone: standard.zone,
    cdns,
    defaultCdn: members.defaultCdn.node ? readString(members.defaultCdn) : (Object.keys(cdns)[0] ?? ""),
    targetDurations: members.targetDurations.node
      ? readList(members.targetDurations, (item) => readNumber(item, "2, 4 or 6", (value) => [2, 4, 6].includes(value)))
      : standard.targetDurations,
    normalise: members.normalise.node ? readList(members.normalise, readRule) : [],
    mediaTypes: texts(members.mediaTypes, []),
    firstEncounter: readOptional(members.firstEncounter, (list) => readList(list, readStep)),
    creativeHosts: texts(members.creativeHosts, []).map((host) => host.toLowerCase()),
    relay: readOptional(members.relay, readZoneRelay),
    tracking: readOptional(members.tracking, readZoneTracking),
    manifest: readOptional(members.manifest, readZoneManifest),
  };
  check(zone, field);
  return zone;
}

/** Players would wait for ever on a CDN that nothing is published to. */
function checkPublished(name: string, field: JsonField, published: readonly PublishedCdn[]): string {
  const names = published.map((cdn) => cdn.name);
  if (names.includes(name)) return name;
  throw wrongField(field, `a CDN that is published to (${names.join(", ")})`, JSON.stringify(name));
}

const MATCHES = ["eq", "ne", "co", "nc", "sw", "ew"] as const;

function readRule(field: JsonField): NormaliseRule {
  const members = readMembers(field, ["host", "find", "replace"]);
  const host = readMembers(members.host, ["matches", "values"]);
  const matches = MATCHES.find((name) => name === readString(host.matches));
  if (matches === undefined) throw wrongField(host.matches, `one of ${MATCHES.join(", ")}`);
  const { node } = members.replace;
  const isEmpty = node?.kind === "value" && node.value === "";
  return {
    host: { matches, values: readList(host.values, readString) },
    find: readString(members.find),
    replace: isEmpty ? "" : readString(members.replace),
  };
}

function readStep(field: JsonField): EncounterStep {
  const wanted = readString(field);
  const step = ENCOUNTER_STEPS.find((name) => name === wanted);
  if (step === undefined) throw wrongField(field, `one of ${ENCOUNTER_STEPS.join(", ")}`, wanted);
  return step;
}

/** Core reads the document at every client; what it would refuse there must not leave here. */
function check(zone: ZoneConfig, field: JsonField): void {
  try {
    parseZoneDocument(formatZoneDocument(zone), new URL(`${DOCUMENT_BASE}/v1/zones/x.json`));
  } catch (error) {
    throw wrongField(field, "a valid zone", error instanceof Error ? error.message : String(error));
  }
}

/** What clients read; whose creatives are taken, the ad servers, how beacons are judged and what is for the manifest server stay here. */
export function formatZoneDocument(
  zone: ZoneConfig,
): Omit<ZoneConfig, "creativeHosts" | "relay" | "tracking" | "manifest"> {
  const { creativeHosts: _hosts, relay: _relay, tracking: _tracking, manifest: _manifest, ...document } = zone;
  return document;
}

/** Where a path below one of a zone's CDNs is: a path of this server, or an absolute URL. undefined: no such CDN. */
export function locateOnCdn(zone: ZoneConfig, cdn: string, path: string): string | undefined {
  const reference = Object.hasOwn(zone.cdns, cdn) ? zone.cdns[cdn] : undefined;
  if (reference === undefined) return undefined;
  const base = new URL(reference.endsWith("/") ? reference : `${reference}/`, `${DOCUMENT_BASE}/v1/zones/x.json`);
  const { href } = new URL(path, base);
  return href.startsWith(`${DOCUMENT_BASE}/`) ? href.slice(DOCUMENT_BASE.length) : href;
}

/** @throws HttpError `zone-unknown` */
export function requireZone(zones: readonly ZoneConfig[], name: string): ZoneConfig {
  const zone = zones.find((candidate) => candidate.zone === name);
  if (zone) return zone;
  throw new HttpError(
    "zone-unknown",
    `zone: expected one that this server has, got ${JSON.stringify(name.slice(0, 64))}`,
  );
}

const ZoneDocumentSchema = Type.Object({
  zone: Type.String(),
  cdns: Type.Record(Type.String(), Type.String(), { description: "relative to this document, or absolute" }),
  defaultCdn: Type.String(),
  targetDurations: Type.Array(Type.Number()),
  normalise: Type.Array(Type.Unknown()),
  mediaTypes: Type.Array(Type.String()),
  firstEncounter: Type.Optional(Type.Array(Type.String(), { description: "what players try without a copy" })),
});

/** The zone documents. */
export const zoneRoutes: FastifyPluginAsyncTypebox<{ readonly zones: readonly ZoneConfig[] }> = async (
  app,
  { zones },
) => {
  const schema = {
    summary: "What a client must know of a zone to find a repackaged creative by itself",
    tags: ["zones"],
    params: Type.Object({ zone: Type.String() }),
    response: { 200: ZoneDocumentSchema },
  };
  app.get("/v1/zones/:zone.json", { schema }, async (request, reply) => {
    const zone = requireZone(zones, request.params.zone);
    reply.header("cache-control", "public, max-age=60");
    const { targetDurations, normalise, mediaTypes, firstEncounter, ...rest } = formatZoneDocument(zone);
    const lists = { targetDurations: [...targetDurations], normalise: [...normalise], mediaTypes: [...mediaTypes] };
    return { ...rest, ...lists, ...(firstEncounter && { firstEncounter: [...firstEncounter] }) };
  });
};
