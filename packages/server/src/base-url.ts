/**
 * The address by which a client reached this server: absolute URLs in VAST and VMAP start with it, so that one server works under
 * every name that it has. The Host header is the client's word; a name that nobody listed would let a request
 * make this server speak (and fetch) for somebody else's host.
 *
 * @see RFC 9110 §7.2 (Host), §15.5.20 (421)
 */
import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import { HttpError } from "./http-error.ts";
import { readOwnExchange } from "./own-exchange.ts";

const HOST = /^(?:[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** The name or address of a URL's host, brackets off. */
function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

/** Names that lead to this machine and nowhere else; brackets off. */
export function isLoopbackName(host: string): boolean {
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  return host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/**
 * @param publicHosts `name` (any port), `name:port` or `*`; need no listing: loopback names, from this machine (to others they
 * would be millions of names for each creative), and the address that the connection came in on
 * @returns with a path of `/`; of a request that this process makes of itself, where the outer one came in
 * @throws HttpError `host-invalid` for a Host that is none, `host-unknown` for one that is not listed
 */
export function readBaseUrl(request: FastifyRequest, publicHosts: readonly string[]): URL {
  const exchange = readOwnExchange(request.headers);
  if (exchange) return exchange.baseUrl;
  const host = request.host;
  const text = `${request.protocol === "https" ? "https" : "http"}://${host}/`;
  if (!host || !HOST.test(host) || !URL.canParse(text)) {
    throw new HttpError("host-invalid", `Host: expected a name or address with an optional port, got ${quote(host)}`);
  }
  const url = new URL(text);
  const name = bareHost(url);
  const local = request.raw.socket.localAddress?.replace(/^::ffff:/, "");
  const isListed = publicHosts.some((entry) => entry === "*" || entry === url.hostname || entry === url.host);
  const isThisMachine = isLoopbackName(name) && isLoopbackName(request.ip.replace(/^::ffff:/, ""));
  if (isListed || isThisMachine || name === local) return url;
  const known = publicHosts.length > 0 ? `one of ${publicHosts.join(", ")}` : "localhost or this machine's address";
  throw new HttpError("host-unknown", `Host: expected ${known}, got ${quote(host)}; INTERLUDE_PUBLIC_HOSTS lists more`);
}

function quote(host: string | undefined): string {
  return JSON.stringify((host ?? "").slice(0, 100));
}
