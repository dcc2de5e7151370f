/** Reads what an operator sets up for the manifest server in one zone: the member `manifest` of the zones file. */
import {
  type JsonField,
  readList,
  readMembers,
  readNumber,
  readOptional,
  readString,
  wrongField,
} from "../json-field.ts";
import type { EncounterStep } from "@interlude/core";
import type { RewriteRule, ZoneManifest } from "./zone-manifest.ts";

const MEMBERS = [
  "contentOrigins",
  "adTagUrl",
  "availTagUrl",
  "preRollTagUrl",
  "fallbackTagUrl",
  "adTimeoutMs",
  "startBudgetMs",
  "firstEncounter",
  "cueFormat",
  "rewriteRules",
  "corsOrigins",
  "originSecret",
] as const;

/** What a zone gets that names nothing but its origins. */
const AD_TIMEOUT_MS = 3_000;
const START_BUDGET_MS = 2_000;

/**
 * Only `contentOrigins` must be there.
 *
 * @throws AdError `option-invalid` naming file, line and field
 */
export function readZoneManifest(field: JsonField): ZoneManifest {
  const members = readMembers(field, MEMBERS);
  const milliseconds = (member: JsonField): number =>
    readNumber(member, "milliseconds from 1 to 60000", (value) => value >= 1 && value <= 60_000);
  return {
    contentOrigins: readList(members.contentOrigins, readContentOrigin),
    adTagUrl: readOptional(members.adTagUrl, readTagUrl),
    availTagUrl: readOptional(members.availTagUrl, readTagUrl),
    preRollTagUrl: readOptional(members.preRollTagUrl, readTagUrl),
    fallbackTagUrl: readOptional(members.fallbackTagUrl, readTagUrl),
    adTimeoutMs: readOptional(members.adTimeoutMs, milliseconds) ?? AD_TIMEOUT_MS,
    startBudgetMs: readOptional(members.startBudgetMs, milliseconds) ?? START_BUDGET_MS,
    firstEncounter: readOptional(members.firstEncounter, readSteps),
    cueFormat: readOptional(members.cueFormat, readString)?.toLowerCase(),
    rewriteRules: readOptional(members.rewriteRules, readRules) ?? [],
    corsOrigins: readOptional(members.corsOrigins, (origins) => readList(origins, readOrigin)),
    originSecret: readOptional(members.originSecret, readSecretHeader),
  };
}

/** A server cannot remux. */
const STEPS = ["wait", "skip"] as const;

function readSteps(field: JsonField): readonly EncounterStep[] {
  return readList(field, (item) => {
    const name = readString(item);
    const step = STEPS.find((known) => known === name);
    if (step === undefined) throw wrongField(item, `one of ${STEPS.join(", ")}`, name);
    return step;
  });
}

const WILDCARD = "*.";

function readContentOrigin(field: JsonField): string {
  const text = readString(field);
  if (text === "self") return text;
  const [scheme = "", host = ""] = text.split("://");
  const plain = `${scheme}://${host.startsWith(WILDCARD) ? host.slice(WILDCARD.length) : host}`.toLowerCase();
  if (!isHttpOrigin(plain)) {
    throw wrongField(field, 'an origin such as "https://cdn.example" or "https://*.cdn.example", or "self"');
  }
  return text.toLowerCase();
}

function readOrigin(field: JsonField): string {
  const text = readString(field);
  if (!isHttpOrigin(text)) throw wrongField(field, 'an origin as browsers spell it, such as "https://player.example"');
  return text;
}

function isHttpOrigin(text: string): boolean {
  return /^https?:\/\/[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** Macros in braces or brackets may stand anywhere after the host. */
function readTagUrl(field: JsonField): string {
  const text = readString(field);
  const isPath = /^\/(?![/\\])/.test(text);
  const isAbsolute = /^https?:\/\/[^/]/i.test(text) && URL.canParse(text) && new URL(text).username === "";
  if (!isPath && !isAbsolute) throw wrongField(field, "an http(s) URL or a path of this server");
  return text;
}

/** The use stands before the name, as in `ptprotoswitch`. */
const NAME = /^(?:adfetch|cdn)_[\w-]{1,64}$/;

function readRules(field: JsonField): readonly RewriteRule[] {
  const names = new Set<string>();
  return readList(field, (item) => {
    const rule = readRule(item);
    if (names.has(rule.name)) throw wrongField(item, "a name that the list does not have yet", rule.name);
    names.add(rule.name);
    return rule;
  });
}

function readRule(field: JsonField): RewriteRule {
  const members = readMembers(field, ["name", "find", "replace"]);
  const name = readString(members.name);
  if (!NAME.test(name)) throw wrongField(members.name, "a name such as adfetch_x or cdn_x");
  const find = readString(members.find);
  if (!isRegularExpression(find)) throw wrongField(members.find, "a regular expression");
  const { node } = members.replace;
  const isEmpty = node?.kind === "value" && node.value === "";
  return { name, find, replace: isEmpty ? "" : readString(members.replace) };
}

function isRegularExpression(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

/** The value is never repeated in a complaint. @see RFC 9110 §5.1, §5.5 */
function readSecretHeader(field: JsonField): { readonly name: string; readonly value: string } {
  const members = readMembers(field, ["name", "value"]);
  const name = readString(members.name).toLowerCase();
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) throw wrongField(members.name, "the name of a header");
  const value = readString(members.value);
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)) {
    throw wrongField(members.value, "visible ASCII characters", "something else");
  }
  return { name, value };
}
