/**
 * The targets file: where finished media is published, under the names that zones give their CDNs. It holds secrets, or names the
 * variables that do: no complaint about it repeats a value that could be one.
 */
import { AdError } from "@interlude/core";
import type { Environment } from "../environment.ts";
import { JsonSyntaxError, parseJsonDocument } from "../json-document.ts";
import {
  type JsonField,
  readEntries,
  readList,
  readMembers,
  readNumber,
  readOptional,
  readString,
  wrongField,
} from "../json-field.ts";
import { splitObjectPath } from "../object-store.ts";
import type { HttpPutSettings } from "./http-put-target.ts";
import type { RemoteTimeouts } from "./remote-timeouts.ts";
import type { S3Settings } from "./s3-target.ts";

/** A folder of this server, which it serves itself at `/cdn/{name}/`. */
export interface DirectorySettings {
  readonly type: "directory";
  readonly name: string;
}

/** One target; `publicUrl` is where players read it, relative to a zone's document; undefined: only zones that say so have it. */
export type TargetConfig = (DirectorySettings | S3Settings | HttpPutSettings) & {
  readonly publicUrl: string | undefined;
};

/** A folder of this server with nothing else set. */
export function embeddedTarget(name: string): TargetConfig {
  return { type: "directory", name, publicUrl: `../../cdn/${name}/` };
}

const TYPES = ["directory", "s3", "http-put"] as const;

const READ: Readonly<Record<TargetConfig["type"], (field: JsonField, env: Environment) => TargetConfig>> = {
  directory: readDirectory,
  s3: readS3,
  "http-put": readHttpPut,
};

const NAME = /^[\w-]{1,32}$/;
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const REGION = /^[\w-]{1,64}$/;
const HEADER_NAME = /^[\w-]{1,64}$/;
/** RFC 9110 §5.5 without obs-text. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]{0,4000}[\x21-\x7e])?$/;
const SECRET = /^[\x21-\x7e]{1,4000}$/;
const CHECKSUM_USES = ["WHEN_REQUIRED", "WHEN_SUPPORTED"] as const;
const ATOMIC = ["put", "move"] as const;

/**
 * `{ "version": 1, "targets": [ { "name", "type": "directory" | "s3" | "http-put", "publicUrl"?, … } ] }`; docs/targets.md has the
 * members of each type.
 *
 * @param env holds the secrets that the file names
 * @throws AdError `option-invalid` naming file, line and field
 */
export function parseTargets(text: string, file: string, env: Environment): readonly TargetConfig[] {
  const root = readMembers(readSecretFile(text, file), ["version", "targets"]);
  readNumber(root.version, "1", (version) => version === 1);
  const names = new Set<string>();
  const targets = readList(root.targets, (field) => {
    const target = readTarget(field, env);
    if (names.has(target.name)) throw wrongField(field, "a name that no other target has", target.name);
    names.add(target.name);
    return target;
  });
  if (targets.length === 0) throw wrongField(root.targets, "at least one target");
  return targets;
}

/** Unlike other files' complaints, the one about its syntax does not repeat what stands there. */
function readSecretFile(text: string, file: string): JsonField {
  try {
    const node = parseJsonDocument(text);
    return { file, path: "", node, line: node.line };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new AdError("option-invalid", `${file}, line ${error.line}: expected JSON, got something else (not shown)`);
  }
}

function readTarget(field: JsonField, env: Environment): TargetConfig {
  const given = readEntries(field).find(([name]) => name === "type")?.[1];
  const type = readChoice(given ?? { ...field, path: `${field.path}.type`, node: undefined }, TYPES);
  return READ[type](field, env);
}

function readDirectory(field: JsonField): TargetConfig {
  const members = readMembers(field, ["type", "name", "publicUrl"]);
  const standard = embeddedTarget(readName(members.name));
  return { ...standard, publicUrl: readOptional(members.publicUrl, readReference) ?? standard.publicUrl };
}

function readS3(field: JsonField, env: Environment): TargetConfig {
  const members = readMembers(field, [
    "type",
    "name",
    "publicUrl",
    "endpoint",
    "region",
    "bucket",
    "prefix",
    "accessKeyId",
    "accessKeyIdEnv",
    "secretAccessKey",
    "secretAccessKeyEnv",
    "forcePathStyle",
    "requestChecksumCalculation",
    "responseChecksumValidation",
    "connectTimeoutMs",
    "idleTimeoutMs",
  ]);
  const endpoint = readOptional(members.endpoint, readUrl);
  const readUse = (use: JsonField): S3Settings["requestChecksumCalculation"] =>
    readOptional(use, (given) => readChoice(given, CHECKSUM_USES)) ?? "WHEN_REQUIRED";
  return {
    type: "s3",
    name: readName(members.name),
    publicUrl: readOptional(members.publicUrl, readReference),
    endpoint,
    region: readOptional(members.region, (region) => readPattern(region, REGION, "a region")) ?? "us-east-1",
    bucket: readPattern(members.bucket, BUCKET, "a bucket's name"),
    prefix: readOptional(members.prefix, readPrefix) ?? "",
    accessKeyId: readSecret(members.accessKeyId, members.accessKeyIdEnv, SECRET, env),
    secretAccessKey: readSecret(members.secretAccessKey, members.secretAccessKeyEnv, SECRET, env),
    forcePathStyle: readOptional(members.forcePathStyle, readBoolean) ?? endpoint !== undefined,
    requestChecksumCalculation: readUse(members.requestChecksumCalculation),
    responseChecksumValidation: readUse(members.responseChecksumValidation),
    ...readTimeouts(members),
  };
}

function readHttpPut(field: JsonField, env: Environment): TargetConfig {
  const members = readMembers(field, [
    "type",
    "name",
    "publicUrl",
    "url",
    "headers",
    "headersEnv",
    "atomic",
    "connectTimeoutMs",
    "idleTimeoutMs",
  ]);
  const url = readUrl(members.url);
  return {
    type: "http-put",
    name: readName(members.name),
    publicUrl: readOptional(members.publicUrl, readReference),
    url: url.pathname.endsWith("/") ? url : new URL(`${url.pathname}/`, url),
    headers: readHeaders(members.headers, members.headersEnv, env),
    atomic: readOptional(members.atomic, (atomic) => readChoice(atomic, ATOMIC)) ?? "put",
    ...readTimeouts(members),
  };
}

function readHeaders(given: JsonField, named: JsonField, env: Environment): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  const add = (list: JsonField, readValue: (value: JsonField) => string): void => {
    if (list.node === undefined) return;
    for (const [spelt, value] of readEntries(list)) {
      const name = spelt.toLowerCase();
      if (!HEADER_NAME.test(name)) throw wrongField(value, "a header's name", "another");
      if (Object.hasOwn(headers, name)) throw wrongField(value, "each header once", "it again");
      headers[name] = readValue(value);
    }
  };
  const absent = { ...given, node: undefined };
  add(given, (value) => readSecret(value, absent, HEADER_VALUE, env));
  add(named, (value) => readSecret(absent, value, HEADER_VALUE, env));
  return headers;
}

function readTimeouts(members: Readonly<Record<keyof RemoteTimeouts, JsonField>>): RemoteTimeouts {
  const isGood = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 600_000;
  const read = (field: JsonField): number => readNumber(field, "a whole number from 1 to 600000", isGood);
  return {
    connectTimeoutMs: readOptional(members.connectTimeoutMs, read) ?? 5000,
    idleTimeoutMs: readOptional(members.idleTimeoutMs, read) ?? 30_000,
  };
}

/** A secret stands in the file, or in the variable that the file names; it is the same complaint when it is in neither or both. */
function readSecret(given: JsonField, named: JsonField, pattern: RegExp, env: Environment): string {
  if ((given.node === undefined) === (named.node === undefined)) {
    throw wrongField(given, "either this member or the one that names a variable", given.node ? "both" : "neither");
  }
  const variable = readOptional(named, readString);
  const literal = given.node?.kind === "value" ? given.node.value : undefined;
  const value = variable === undefined ? literal : env[variable]?.trim();
  if (typeof value === "string" && pattern.test(value)) return value;
  if (variable === undefined) throw wrongField(given, "visible ASCII characters", "something else (not shown)");
  const got =
    value === undefined || value === "" ? `${variable}, which is not set` : `${variable}, whose value is no such`;
  throw wrongField(named, "the name of a variable with visible ASCII characters", got);
}

function readName(field: JsonField): string {
  return readPattern(field, NAME, "1 to 32 letters, digits, _ or -");
}

function readPattern(field: JsonField, pattern: RegExp, expected: string): string {
  const value = readString(field);
  if (pattern.test(value)) return value;
  throw wrongField(field, expected);
}

function readChoice<const Choice extends string>(field: JsonField, choices: readonly Choice[]): Choice {
  const value = field.node?.kind === "value" ? field.node.value : undefined;
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw wrongField(field, `one of ${choices.join(", ")}`);
  return choice;
}

function readBoolean(field: JsonField): boolean {
  const value = field.node?.kind === "value" ? field.node.value : undefined;
  if (typeof value === "boolean") return value;
  throw wrongField(field, "true or false");
}

function readPrefix(field: JsonField): string {
  try {
    return splitObjectPath(readString(field)).join("/");
  } catch {
    throw wrongField(field, "parts of letters, digits, _, - and ., with / between them");
  }
}

/** An address that requests go to; one with a password in it is refused and not repeated. */
function readUrl(field: JsonField): URL {
  const expected = "an address with http:// or https:// and without user, query and fragment";
  const text = readString(field);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isGood = url && /^https?:$/.test(url.protocol) && !/[@?#]/.test(text);
  if (!isGood) throw wrongField(field, expected, text.includes("@") ? "another (not shown)" : JSON.stringify(text));
  return url;
}

/** Where players read: relative to `/v1/zones/{zone}.json`, or absolute. */
function readReference(field: JsonField): string {
  const text = readString(field);
  if (URL.canParse(text, "http://server.invalid/v1/zones/x.json") && !/[@?#]/.test(text)) return text;
  throw wrongField(field, "a URL without user, query and fragment", "another");
}
