/** The accounts of Primetime's API: who may ask for which zones. */
import {
  type JsonField,
  readJsonFile,
  readList,
  readMembers,
  readNumber,
  readString,
  wrongField,
} from "../json-field.ts";
import type { DigestAccount } from "./digest.ts";

export interface RepackageAccount extends DigestAccount {
  /** At least one, each known to the server. */
  readonly zones: readonly string[];
}

export interface AccountsContext {
  /** Where `passwordEnv` is looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The zones of the server. */
  readonly zones: readonly string[];
}

const MIN_PASSWORD_LENGTH = 12;

/**
 * The accounts file: `{ "version": 1, "accounts": [ { "username", "password" | "passwordEnv", "zones": ["1", …] } ] }`;
 * `passwordEnv` names the variable that holds the password. An empty list is allowed: nobody comes in.
 *
 * @throws AdError `option-invalid` naming file, line and field, never a password
 */
export function parseAccounts(text: string, file: string, context: AccountsContext): readonly RepackageAccount[] {
  const root = readMembers(readJsonFile(text, file), ["version", "accounts"]);
  readNumber(root.version, "1", (version) => version === 1);
  const names = new Set<string>();
  return readList(root.accounts, (field) => {
    const members = readMembers(field, ["username", "password", "passwordEnv", "zones"]);
    const username = readString(members.username);
    // RFC 7616 §3.4.2 joins name, realm and password by colons.
    if (username.includes(":")) throw wrongField(members.username, "a name without a colon");
    if (names.has(username)) throw wrongField(members.username, "a name that the list does not have yet", username);
    names.add(username);
    const zones = readList(members.zones, (zone) => readZone(zone, context));
    if (zones.length === 0) throw wrongField(members.zones, "at least one zone");
    return { username, password: readPassword(members.password, members.passwordEnv, field, context), zones };
  });
}

function readZone(field: JsonField, { zones }: AccountsContext): string {
  const zone = readString(field);
  if (!zones.includes(zone)) throw wrongField(field, `a zone of this server (${zones.join(", ")})`);
  return zone;
}

function readPassword(given: JsonField, named: JsonField, account: JsonField, { env }: AccountsContext): string {
  if ((given.node === undefined) === (named.node === undefined)) {
    throw wrongField(account, "either password or passwordEnv", given.node === undefined ? "neither" : "both");
  }
  const isGood = (password: string): boolean => /^[^\p{Cc}\p{Cs}]*$/u.test(password);
  const fail = (field: JsonField, password: string | undefined): never => {
    const got = password === undefined ? undefined : `${password.length} characters (not shown)`;
    throw wrongField(field, `at least ${MIN_PASSWORD_LENGTH} characters without control characters`, got);
  };
  if (named.node !== undefined) {
    const name = readString(named);
    const password = env[name];
    if (password === undefined) throw wrongField(named, "the name of a variable that is set", name);
    return password.length >= MIN_PASSWORD_LENGTH && isGood(password) ? password : fail(named, password);
  }
  const password = given.node?.kind === "value" && typeof given.node.value === "string" ? given.node.value : undefined;
  if (password === undefined) throw wrongField(given, "a text", "something else");
  return password.length >= MIN_PASSWORD_LENGTH && isGood(password) ? password : fail(given, password);
}
