/**
 * HTTP Digest: who speaks Primetime's API. SHA-256 and MD5 are offered, `qop=auth` is needed, `userhash` is not offered.
 *
 * @see RFC 7616; primetime.md §3.5
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { parseDigestHeader, readUserName } from "./digest-header.ts";
import { createNonces } from "./digest-nonces.ts";

/** Whoever may come in. */
export interface DigestAccount {
  readonly username: string;
  readonly password: string;
}

/** What of a request is checked; `target` is the path and query of the request line. */
export interface DigestRequest {
  readonly method: string;
  readonly target: string;
  readonly authorization: string | undefined;
}

/** Refused: `message` says why, `challenges` are the values of WWW-Authenticate, the better one first. */
export type DigestOutcome<Account> =
  { readonly account: Account } | { readonly message: string; readonly challenges: readonly string[] };

export interface DigestOptions<Account> {
  /** No account: nobody comes in. */
  readonly accounts: readonly Account[];
  /** The same for all instances behind one address. */
  readonly secret: string;
  /** ms since the epoch. */
  readonly now: () => number;
}

const REALM = "interlude";
const HASHES = new Map([
  ["SHA-256", "sha256"],
  ["MD5", "md5"],
]);

/** The credentials of a header that has all its parts, none of them checked. */
interface Credentials {
  readonly username: string;
  readonly nonce: string;
  readonly uri: string;
  readonly nc: string;
  readonly cnonce: string;
  readonly response: string;
  /** As node:crypto calls it. */
  readonly hash: string;
}

/** A check that gives the same answer on every instance, but for replays: those are known where they came first. */
export function createDigest<Account extends DigestAccount>(
  options: DigestOptions<Account>,
): (request: DigestRequest) => DigestOutcome<Account> {
  const nonces = createNonces(options.secret, options.now);
  const accounts = new Map(options.accounts.map((account) => [account.username, account]));
  const nobody = randomBytes(16).toString("hex");

  const refuse = (got: string, isStale = false): DigestOutcome<Account> => {
    // One nonce for both: clients exist that mix the two challenges up.
    const nonce = nonces.issue();
    const rest = `nonce="${nonce}", charset=UTF-8${isStale ? ", stale=true" : ""}`;
    return {
      message: `Authorization: expected Digest credentials of an account, got ${got}`,
      challenges: [...HASHES.keys()].map(
        (algorithm) => `Digest realm="${REALM}", qop="auth", algorithm=${algorithm}, ${rest}`,
      ),
    };
  };
  return ({ method, target, authorization }) => {
    if (authorization === undefined) return refuse("none");
    const credentials = readCredentials(authorization);
    if (credentials === undefined || !isTarget(credentials.uri, target)) return refuse("others");
    const account = accounts.get(credentials.username);
    const isRight = isResponse(credentials, account?.password ?? nobody, method);
    const age = nonces.check(credentials.nonce);
    if (account === undefined || !isRight || age === "foreign") return refuse("wrong ones");
    if (age === "expired") return refuse("a nonce that has run out", true);
    if (!nonces.take(credentials.nonce, Number.parseInt(credentials.nc, 16))) return refuse("a count twice", true);
    return { account };
  };
}

function readCredentials(header: string): Credentials | undefined {
  const parameters = parseDigestHeader(header);
  if (parameters === undefined) return undefined;
  const text = (name: string): string => parameters.get(name) ?? "";
  const hash = HASHES.get((parameters.get("algorithm") ?? "MD5").toUpperCase());
  const isAcceptable =
    text("realm") === REALM &&
    text("qop").toLowerCase() === "auth" &&
    text("userhash").toLowerCase() !== "true" &&
    text("cnonce") !== "" &&
    /^[\da-f]{8}$/i.test(text("nc")) &&
    text("nc") !== "00000000";
  const username = readUserName(parameters);
  if (username === undefined || hash === undefined || !isAcceptable) return undefined;
  return {
    username,
    nonce: text("nonce"),
    uri: text("uri"),
    nc: text("nc"),
    cnonce: text("cnonce"),
    response: text("response"),
    hash,
  };
}

/** @see RFC 7616 §3.4.6: clients may send the absolute form */
function isTarget(uri: string, target: string): boolean {
  if (uri === target) return true;
  if (!/^https?:\/\//i.test(uri) || !URL.canParse(uri)) return false;
  const { pathname, search } = new URL(uri);
  return pathname + search === target;
}

/** The comparison takes the same time whatever came. @see RFC 7616 §3.4.1 */
function isResponse(credentials: Credentials, password: string, method: string): boolean {
  const { username, nonce, uri, nc, cnonce, response, hash } = credentials;
  const digest = (text: string): string => createHash(hash).update(text).digest("hex");
  const secret = digest(`${username}:${REALM}:${password}`);
  const expected = digest(`${secret}:${nonce}:${nc}:${cnonce}:auth:${digest(`${method}:${uri}`)}`);
  const blind = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(blind(response.toLowerCase()), blind(expected));
}
