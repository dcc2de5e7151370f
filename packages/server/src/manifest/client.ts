/** Who asks, and by which address: read once per connection, for as long as it says the same of itself. */
import type { Socket } from "node:net";
import type { FastifyRequest } from "fastify";
import type { Viewer } from "./session/session.ts";

export interface Client {
  /** As the client reached this server. */
  readonly baseUrl: URL;
  readonly viewer: Viewer;
}

/** @throws what `readBaseUrl` throws */
export type DescribeClient = (request: FastifyRequest) => Client;

interface Known extends Client {
  readonly protocol: string;
  readonly host: string;
  readonly ip: string;
  readonly userAgent: string | undefined;
  readonly referer: string | undefined;
  readonly acceptLanguage: string | undefined;
}

export function createClientReader(readBaseUrl: (request: FastifyRequest) => URL): DescribeClient {
  const ofConnection = new WeakMap<Socket, Known>();
  return (request) => {
    const { protocol, host, ip, headers } = request;
    const { referer, "user-agent": userAgent, "accept-language": acceptLanguage } = headers;
    const known = ofConnection.get(request.raw.socket);
    // A proxy's connection carries many clients.
    const isSame =
      known?.host === host &&
      known.protocol === protocol &&
      known.ip === ip &&
      known.userAgent === userAgent &&
      known.referer === referer &&
      known.acceptLanguage === acceptLanguage;
    if (isSame) return known;
    const viewer = {
      ip,
      userAgent: (userAgent ?? "").replace(/\p{Cc}/gu, ""),
      ...(referer !== undefined && { referer }),
      ...(acceptLanguage !== undefined && { acceptLanguage }),
    };
    const read = { protocol, host, ip, userAgent, referer, acceptLanguage, viewer, baseUrl: readBaseUrl(request) };
    ofConnection.set(request.raw.socket, read);
    return read;
  };
}
