/**
 * The cookies of one session: what origins and ad servers set is sent back to them, and to nobody else.
 *
 * A cookie goes to the host that set it. `Domain` widens that to the hosts below a parent only where the parent cannot be a
 * registry's: it has at least two labels, three below a country's (`co.uk`, `com.au`), and is no address. `host` of such a cookie
 * begins with a dot.
 *
 * @see RFC 6265 §5.2-5.4; primetime.md §1.5 (`ssaiPub`, `ssai3`)
 */
import { isIP } from "node:net";
import type { StoredCookie } from "../session/session.ts";

/** Of one answer, and of one session. */
const MAX_COOKIES_PER_ANSWER = 20;
const MAX_COOKIES = 50;
/** Characters of a `Set-Cookie` line and of a `Cookie` header. */
const MAX_LINE = 4096;
const MAX_HEADER = 8192;
/** RFC 6265 §4.1.1; of values, what the field sends too: all that can be told from the next cookie. */
const NAME = /^[!#$%&'*+\-.^_`|~\w]{1,256}$/;
const VALUE = /^[\x20-\x3a\x3c-\x7e]*$/;

/**
 * The `Cookie` header for one request; undefined where no cookie fits. Longer paths first, as RFC 6265 §5.4 asks.
 *
 * @param now milliseconds since 1970
 */
export function readCookieHeader(
  cookies: readonly StoredCookie[],
  url: URL,
  now: number = Date.now(),
): string | undefined {
  const fitting = cookies
    .filter((cookie) => (cookie.expiresAt ?? Number.POSITIVE_INFINITY) > now && isFor(cookie, url))
    .toSorted((a, b) => b.path.length - a.path.length);
  let header = "";
  for (const { name, value } of fitting) {
    const next = `${header && `${header}; `}${name}=${value}`;
    if (next.length <= MAX_HEADER) header = next;
  }
  return header || undefined;
}

/**
 * The cookies that an answer set, by `Set-Cookie` line. What is malformed, too long, meant for a host that the answer does not
 * come from, or Secure but set without TLS is left out. One that is to be deleted comes with an `expiresAt` that is over.
 *
 * @param url the address that answered, after redirects
 * @param now milliseconds since 1970
 */
export function parseSetCookie(lines: readonly string[], url: URL, now: number): readonly StoredCookie[] {
  return lines.slice(0, MAX_COOKIES_PER_ANSWER).flatMap((line) => parseLine(line, url, now) ?? []);
}

/** Both lists as one: the later of two of one host and name counts; what is over is left out, and of too many the oldest. */
export function mergeCookies(
  known: readonly StoredCookie[],
  added: readonly StoredCookie[],
  now: number,
): readonly StoredCookie[] {
  const jar = new Map<string, StoredCookie>();
  for (const cookie of [...known, ...added]) {
    const key = `${cookie.host} ${cookie.name}`;
    jar.delete(key);
    jar.set(key, cookie);
  }
  return [...jar.values()].filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now).slice(-MAX_COOKIES);
}

function isFor({ host, path, isSecure }: StoredCookie, { hostname, pathname, protocol }: URL): boolean {
  const isHost = host.startsWith(".") ? `.${hostname}`.endsWith(host) : hostname === host;
  const isPath = pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`);
  return isHost && isPath && (!isSecure || protocol === "https:");
}

function parseLine(line: string, url: URL, now: number): StoredCookie | undefined {
  if (line.length > MAX_LINE) return undefined;
  const [pair = "", ...rest] = line.split(";");
  const equals = pair.indexOf("=");
  const name = pair.slice(0, Math.max(0, equals)).trim();
  const value = pair.slice(equals + 1).trim();
  if (!NAME.test(name) || !VALUE.test(value)) return undefined;
  const attributes = readAttributes(rest);
  const host = selectHost(attributes.get("domain"), url);
  const isSecure = attributes.has("secure");
  if (host === undefined || (isSecure && url.protocol !== "https:")) return undefined;
  const expiresAt = readExpiry(attributes, now);
  return { host, name, value, path: selectPath(attributes.get("path"), url), expiresAt, ...(isSecure && { isSecure }) };
}

/** By lower-case name; the last of equal ones counts (RFC 6265 §5.3). */
function readAttributes(parts: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    parts.map((part) => {
      const [name = "", ...value] = part.split("=");
      return [name.trim().toLowerCase(), value.join("=").trim()];
    }),
  );
}

/** undefined: the cookie is for somebody else, and is refused as RFC 6265 §5.3 step 6 asks. */
function selectHost(domain: string | undefined, { hostname }: URL): string | undefined {
  const parent = domain?.toLowerCase().replace(/^\./, "");
  if (!parent || parent === hostname) return hostname;
  if (isIP(hostname) !== 0 || hostname.startsWith("[") || !hostname.endsWith(`.${parent}`)) return undefined;
  return isRegistryLike(parent) ? undefined : `.${parent}`;
}

/** `com`, `co.uk`, `com.au`: below a country's domain, a short second label is a registry's. */
function isRegistryLike(domain: string): boolean {
  const labels = domain.split(".");
  const [second = "", top = ""] = labels.slice(-2);
  return labels.length < 2 || (labels.length === 2 && top.length === 2 && second.length <= 4);
}

/** @see RFC 6265 §5.1.4 */
function selectPath(path: string | undefined, { pathname }: URL): string {
  if (path?.startsWith("/")) return path;
  return pathname.slice(0, pathname.lastIndexOf("/")) || "/";
}

/** Max-Age goes before Expires; one that cannot be read counts as absent. */
function readExpiry(attributes: ReadonlyMap<string, string>, now: number): number | undefined {
  const maxAge = attributes.get("max-age") ?? "";
  if (/^-?\d{1,12}$/.test(maxAge)) return Number(maxAge) <= 0 ? 0 : now + Number(maxAge) * 1000;
  const expires = Date.parse(attributes.get("expires") ?? "");
  return Number.isFinite(expires) ? expires : undefined;
}
