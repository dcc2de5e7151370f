/** Reads what an operator sets up for the relay of one zone: the member `relay` of the zones file. */
import {
  type JsonField,
  readEntries,
  readList,
  readMembers,
  readNumber,
  readOptional,
  readString,
  wrongField,
} from "../../json-field.ts";
import { RELAY_DEFAULTS, type RelayRules, type Upstream, UPSTREAM_TIMEOUT_MS, type ZoneRelay } from "./relay-zone.ts";

const MEMBERS = ["upstreams", "fallback", "timeoutMs", "wrapperLimit", "rules", "normalise"] as const;
const MAX_UPSTREAMS = 20;
const MAX_WRAPPERS = 10;

/**
 * Only `upstreams` must be there.
 *
 * @throws AdError `option-invalid` naming file, line and field
 */
export function readZoneRelay(field: JsonField): ZoneRelay {
  const members = readMembers(field, MEMBERS);
  const { fallback, timeoutMs, wrapperLimit, rules, normalise } = RELAY_DEFAULTS;
  return {
    upstreams: readUpstreams(members.upstreams),
    fallback: readOptional(members.fallback, (one) => readWord(one, ["no-fill", "failure"])) ?? fallback,
    timeoutMs: readOptional(members.timeoutMs, readMilliseconds) ?? timeoutMs,
    wrapperLimit: readOptional(members.wrapperLimit, readWrapperLimit) ?? wrapperLimit,
    rules: readOptional(members.rules, readRules) ?? rules,
    normalise: readOptional(members.normalise, (one) => readWord(one, ["off", "first", "only"])) ?? normalise,
  };
}

function readWord<const Word extends string>(field: JsonField, words: readonly Word[]): Word {
  const text = readString(field);
  const word = words.find((one) => one === text);
  if (word === undefined) throw wrongField(field, `one of ${words.join(", ")}`);
  return word;
}

function readMilliseconds(field: JsonField): number {
  return readNumber(field, "milliseconds from 1 to 60000", (value) => value >= 1 && value <= 60_000);
}

function readWrapperLimit(field: JsonField): number {
  const isGood = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= MAX_WRAPPERS;
  return readNumber(field, `a whole number from 0 to ${MAX_WRAPPERS}`, isGood);
}

function readUpstreams(field: JsonField): readonly Upstream[] {
  const names = new Set<string>();
  const upstreams = readList(field, (item) => {
    const upstream = readUpstream(item);
    if (names.has(upstream.name)) throw wrongField(item, "a name that the list does not have yet", upstream.name);
    names.add(upstream.name);
    return upstream;
  });
  if (upstreams.length === 0 || upstreams.length > MAX_UPSTREAMS) {
    throw wrongField(field, `1 to ${MAX_UPSTREAMS} upstreams`);
  }
  return upstreams;
}

function readUpstream(field: JsonField): Upstream {
  const members = readMembers(field, ["name", "tagUrl", "timeoutMs", "headers", "parameters"]);
  const name = readString(members.name);
  if (!/^[\w.-]{1,64}$/.test(name)) throw wrongField(members.name, "1 to 64 letters, digits, dots, _ or -");
  const tagUrl = readTagUrl(members.tagUrl);
  const headers = readOptional(members.headers, readHeaders) ?? {};
  if (tagUrl.startsWith("/") && Object.keys(headers).length > 0) {
    const none = "none for a path of this server, which is below whatever name a client asked for";
    throw wrongField(members.headers, none, "some");
  }
  return {
    name,
    tagUrl,
    timeoutMs: readOptional(members.timeoutMs, readMilliseconds) ?? UPSTREAM_TIMEOUT_MS,
    headers,
    parameters: readOptional(members.parameters, readParameters) ?? "all",
  };
}

/** Macros in brackets may stand anywhere after the host. */
function readTagUrl(field: JsonField): string {
  const text = readString(field);
  // Any other would be asked by network, of whatever host the client named.
  const isPath = /^\/ads\/(?:vast|vmap)(?:[?#]|$)/.test(text);
  const isAbsolute = /^https?:\/\/[^/]/i.test(text) && URL.canParse(text) && new URL(text).username === "";
  if (!isPath && !isAbsolute) throw wrongField(field, "an http(s) URL, or /ads/vast or /ads/vmap of this server");
  return text;
}

/** What the exchange itself, or the viewer, decides. @see RFC 9110 §7.6.1 */
const TAKEN: ReadonlySet<string> = new Set([
  ..."connection content-length cookie host keep-alive proxy-connection te trailer transfer-encoding upgrade".split(
    " ",
  ),
  ..."accept-encoding user-agent x-device-ip x-device-user-agent x-forwarded-for x-interlude-relay".split(" "),
]);

/** A value can be a secret: it is never repeated in a complaint. @see RFC 9110 §5.1, §5.5 */
function readHeaders(field: JsonField): Readonly<Record<string, string>> {
  const headers = readEntries(field).map(([name, value]) => {
    const lower = name.toLowerCase();
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(lower) || TAKEN.has(lower)) {
      throw wrongField(value, "the name of a header that is the operator's to set", "another one");
    }
    const text = readString(value);
    if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text)) {
      throw wrongField(value, "visible ASCII characters", "something else");
    }
    return [lower, text] as const;
  });
  return Object.fromEntries(headers);
}

function readParameters(field: JsonField): Upstream["parameters"] {
  if (field.node?.kind === "array") return readList(field, readString);
  if (readString(field) !== "all") throw wrongField(field, 'a list of names, or "all"');
  return "all";
}

function readRules(field: JsonField): RelayRules {
  const members = readMembers(field, ["block", "priority"]);
  return {
    block: readOptional(members.block, readNames) ?? RELAY_DEFAULTS.rules.block,
    priority: readOptional(members.priority, readNames) ?? RELAY_DEFAULTS.rules.priority,
  };
}

function readNames(field: JsonField): RelayRules["block"] {
  const members = readMembers(field, ["adSystems", "hosts"]);
  const texts = (list: JsonField): readonly string[] => readList(list, readString);
  const hosts = (list: JsonField): readonly string[] => readList(list, readHost);
  return {
    adSystems: readOptional(members.adSystems, texts) ?? [],
    hosts: readOptional(members.hosts, hosts) ?? [],
  };
}

/** As URLs spell it: one that is written otherwise would never be found in any. */
function readHost(field: JsonField): string {
  const text = readString(field).toLowerCase();
  const host = text.replace(/^\./, "");
  const url = `http://${host}/`;
  if (!URL.canParse(url) || new URL(url).hostname !== host) {
    throw wrongField(field, "a host such as ads.example, or .ads.example with all below it");
  }
  return text;
}
