/**
 * The cookies of an upstream, kept by the client that it knows: each comes back as a cookie of this server whose name says for whom it
 * is. So the client's own rules hold for them (it may refuse, block or clear them), and any instance of this server has them.
 *
 * @see RFC 6265 §4.1 (Set-Cookie), §5.4 (Cookie)
 */

/** As a cookie jar keeps it; `host` begins with a dot where hosts below it get the cookie too. */
export interface UpstreamCookie {
  readonly host: string;
  readonly name: string;
  readonly value: string;
  readonly path: string;
  /** Milliseconds since 1970; undefined: as long as the client's session, a past one deletes. */
  readonly expiresAt: number | undefined;
  readonly isSecure?: boolean;
}

/** The rules of cookies between this server and ad servers: what a jar does. */
export interface CookieRules {
  /** What an answer set; nothing that its host may not set. */
  parse(lines: readonly string[], url: URL, now: number): readonly UpstreamCookie[];
  /** The later of two of one host and name counts. */
  merge(known: readonly UpstreamCookie[], added: readonly UpstreamCookie[], now: number): readonly UpstreamCookie[];
  /** The `Cookie` header for one request. */
  header(cookies: readonly UpstreamCookie[], url: URL, now: number): string | undefined;
}

const PREFIX = "il.";
const MAX_COOKIES = 20;
/** Characters of a name of ours, as jars take it, and of all lines of one answer. */
const MAX_NAME = 256;
const MAX_LINES = 4096;
const HOST = /^\.?[a-z\d[][a-z\d.:_\]-]{0,252}$/;
const PATH = /^\/[\x21-\x3a\x3c-\x7e]*$/;
const NAME = /^[!#$%&'*+\-.^_`|~\w]{1,256}$/;
const VALUE = /^[\x20-\x3a\x3c-\x7e]*$/;

/**
 * `Set-Cookie` lines for the client of an answer; of too many the last ones.
 *
 * @param base where the client reached this server: over https the cookies also come back from pages of other sites, kept apart for
 * each of those sites
 * @param now milliseconds since 1970
 */
export function formatPageCookies(cookies: readonly UpstreamCookie[], base: URL, now: number): readonly string[] {
  const scope = base.protocol === "https:" ? "; Secure; SameSite=None; Partitioned" : "; SameSite=Lax";
  const lines = cookies.flatMap((cookie) => {
    const name = PREFIX + encodeScope(cookie);
    if (name.length > MAX_NAME) return [];
    const age =
      cookie.expiresAt === undefined ? "" : `; Max-Age=${Math.max(0, Math.floor((cookie.expiresAt - now) / 1000))}`;
    return [`${name}=${cookie.value}; Path=/ads/; HttpOnly${age}${scope}`];
  });
  let length = 0;
  const fitting = lines.toReversed().filter((line) => (length += line.length) <= MAX_LINES);
  return fitting.slice(0, MAX_COOKIES).toReversed();
}

/** The cookies of upstreams in a `Cookie` header; what is not one of ours, or is misshapen, is left out. */
export function readPageCookies(header: string | undefined): readonly UpstreamCookie[] {
  return (header ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(PREFIX))
    .slice(0, 2 * MAX_COOKIES)
    .flatMap((pair) => {
      const equals = pair.indexOf("=");
      const scope = equals < 0 ? undefined : decodeScope(pair.slice(PREFIX.length, equals));
      const value = pair.slice(equals + 1);
      return scope && VALUE.test(value) ? [{ ...scope, value, expiresAt: undefined }] : [];
    });
}

function encodeScope({ host, path, name, isSecure = false }: UpstreamCookie): string {
  return Buffer.from([host, path, name, isSecure ? "s" : ""].join(" ")).toString("base64url");
}

function decodeScope(text: string): Omit<UpstreamCookie, "value" | "expiresAt"> | undefined {
  const [host = "", path = "", name = "", secure = "", ...rest] = Buffer.from(text, "base64url").toString().split(" ");
  if (rest.length > 0 || !HOST.test(host) || !PATH.test(path) || !NAME.test(name)) return undefined;
  return { host, path, name, ...(secure === "s" && { isSecure: true }) };
}
