/** By what clients are told apart that give no name: their address. */
import ipaddr from "ipaddr.js";
import type { RepackageClient } from "./admission.ts";

/** In IPv6 a client is counted by its network, since one has 2^64 addresses there; a connection can have 2^16 networks. */
export function nameClient(ip: string): RepackageClient {
  if (!ipaddr.IPv6.isValid(ip)) return { address: ip, network: ip };
  const address = ipaddr.IPv6.parse(ip);
  if (address.isIPv4MappedAddress()) return nameClient(address.toIPv4Address().toString());
  const parts = address.parts.map((part) => part.toString(10));
  return { address: parts.slice(0, 4).join(":"), network: parts.slice(0, 3).join(":") };
}
