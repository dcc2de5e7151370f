/**
 * The ports that nothing asks for before there is an answer to read, or an ad on screen.
 */
import { parseXml } from "./ads/dom-xml.ts";
import type { PagePorts, PluginPorts } from "./ports.ts";
import { createBeaconTransport } from "./viewing/beacon-transport.ts";

/**
 * @param signal ends the listener for `connect-src`; beacons that are under way, or wait for the network, go on
 * @param credentials for beacons
 */
export function completePorts(ports: PagePorts, signal: AbortSignal, credentials: RequestCredentials): PluginPorts {
  const { sendBeacon = createBeaconTransport(credentials, signal), readXml = parseXml } = ports;
  return { ...ports, sendBeacon, readXml };
}
