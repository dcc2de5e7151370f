/**
 * Which hosts this server may connect to on somebody else's word: public unicast addresses, and what the operator listed.
 *
 * A name is resolved once per connection, every address that came is judged, and the connection goes to a judged address:
 * a resolver that changes its mind between the check and the connection gains nothing.
 *
 * @see RFC 6890 (special-purpose addresses); server-notes.md §5.3
 */
import { lookup as lookupDns } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { AdError } from "@interlude/core";
import ipaddr from "ipaddr.js";
import { buildConnector, errors } from "undici";

/** All addresses of a host name. An empty list counts as unreachable. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** Resolves as the machine does (hosts file, then DNS), both families. */
export async function resolveBySystem(hostname: string): Promise<readonly string[]> {
  const found = await lookupDns(hostname, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

/** The address space that is assigned to the public internet; IPv4-compatible addresses (`::7f00:1`) are outside it. */
const GLOBAL_UNICAST_IPV6 = ipaddr.parseCIDR("2000::/3");

/** Whether an address, in the form that a resolver gives, is public unicast. Mapped, NAT64 and 6to4 forms are not. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  return parsed.kind() === "ipv4" || parsed.match(GLOBAL_UNICAST_IPV6);
}

/** What is allowed beyond public addresses, and how names become addresses. */
export interface AddressRules {
  /** `host:port` that may be reached although private: as the URL spells it, or as an address that a name resolves to. */
  readonly allowPrivate: ReadonlySet<string>;
  readonly resolve: Resolve;
}

function describeEndpoint(host: string, port: string): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

function refuse(host: string, port: string, address: string): AdError {
  const named = address === host ? "" : `, which is ${address}`;
  return new AdError(
    "address-refused",
    `${describeEndpoint(host, port)}: expected a public address, got ${host}${named}; a private one must be listed in allowPrivate`,
  );
}

/** The addresses that a connection to `hostname` (no brackets) may go to, all judged. */
async function judge(hostname: string, port: string, rules: AddressRules): Promise<readonly string[]> {
  const addresses = isIP(hostname) === 0 ? await rules.resolve(hostname) : [hostname];
  if (addresses.length === 0) throw new AdError("upstream-unreachable", `${hostname}: expected an address, got none`);
  if (rules.allowPrivate.has(describeEndpoint(hostname, port))) return addresses;
  for (const address of addresses) {
    const isAllowed = isPublicAddress(address) || rules.allowPrivate.has(describeEndpoint(address, port));
    if (!isAllowed) throw refuse(hostname, port, address);
  }
  return addresses;
}

/** A lookup that gives the judged addresses and asks nobody. */
function pin(addresses: readonly string[]): LookupFunction {
  const entries = addresses.map((address) => ({ address, family: isIP(address) }));
  return (hostname, options, callback) => {
    const [first] = entries;
    if (options.all) callback(null, entries);
    else if (first) callback(null, first.address, first.family);
    else callback(new Error(`${hostname}: no address`), "", 0);
  };
}

/**
 * The only way by which the guarded client opens a socket: literal addresses and names alike pass here, at every hop.
 *
 * @param connectTimeoutMs for the name to be resolved and the connection to be there, together
 * @throws (through the callback) AdError `address-refused`, ConnectTimeoutError, and whatever `resolve` or the socket throws
 */
export function guardedConnector(rules: AddressRules, connectTimeoutMs: number): buildConnector.connector {
  return (options, callback) => {
    const connected = endInTime(callback, connectTimeoutMs);
    const hostname = options.hostname.replace(/^\[(.*)\]$/, "$1");
    const port = options.port || (options.protocol === "https:" ? "443" : "80");
    const connect = async (): Promise<void> => {
      const lookup = pin(await judge(hostname, port, rules));
      buildConnector({ allowH2: false, timeout: connectTimeoutMs, lookup })({ ...options, hostname }, connected);
    };
    connect().catch((error: unknown) => connected(error instanceof Error ? error : new Error(String(error)), null));
  };
}

/** The client's own timer begins after the name is resolved, and is late by up to a second. */
function endInTime(callback: buildConnector.Callback, timeoutMs: number): buildConnector.Callback {
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    callback(new errors.ConnectTimeoutError(`expected a connection within ${timeoutMs} ms, got none`), null);
  }, timeoutMs);
  timer.unref();
  return (...[error, socket]) => {
    clearTimeout(timer);
    if (isOver) return void socket?.destroy();
    isOver = true;
    if (error) callback(error, null);
    else if (socket) callback(null, socket);
  };
}
