/** A relay before real ad servers on loopback, with what it told whom. */
import { onTestFinished } from "vitest";
import { createRelay, type Relay } from "../../../src/ads/relay/relay.ts";
import type { RelayDeps } from "../../../src/ads/relay/relay-deps.ts";
import type { RelayAttempt, RelayRequest } from "../../../src/ads/relay/relay-answer.ts";
import { createRelayFetch } from "../../../src/ads/relay/relay-fetch.ts";
import { formatTree, type TreeElement } from "../../../src/ads/relay/xml-tree.ts";
import { RELAY_DEFAULTS, type Upstream, type ZoneRelay } from "../../../src/ads/relay/relay-zone.ts";
import { createGuardedFetch } from "../../../src/guarded-fetch.ts";
import { mergeCookies, parseSetCookie, readCookieHeader } from "../../../src/manifest/content/cookie-jar.ts";
import { parseXml } from "../../../src/xml.ts";
import type { AdServer } from "./ad-server.ts";

export interface RelayWorld {
  readonly relay: Relay;
  /** Addresses that were told of an error. */
  readonly beacons: readonly string[];
  readonly attempts: readonly RelayAttempt[];
}

/** What our tracking starts with. */
export const OURS = "https://relay.test/track/";

export function openRelay(
  servers: readonly AdServer[],
  more: Partial<RelayDeps> = {},
  allowed: readonly string[] = [],
): RelayWorld {
  const allowPrivate = [...servers.map(({ port }) => `127.0.0.1:${port}`), ...allowed];
  const fetch = createGuardedFetch({ allowPrivate });
  onTestFinished(() => fetch.close());
  const beacons: string[] = [];
  const attempts: RelayAttempt[] = [];
  const relay = createRelay({
    fetch: createRelayFetch({ fetch, own: () => Promise.reject(new Error("not ours")), isOwn: () => false }),
    cookies: { parse: parseSetCookie, merge: mergeCookies, header: readCookieHeader },
    trackingUrls:
      (_request, { upstream, breakId, ad, position }) =>
      (event) =>
        `${OURS}${event}?up=${upstream}&break=${breakId}&ad=${encodeURIComponent(ad)}&position=${position}`,
    readOwnTracking: () => undefined,
    sendBeacon: (url) => beacons.push(url),
    onAttempt: (_zone, attempt) => attempts.push(attempt),
    ...more,
  });
  return { relay, beacons, attempts };
}

export function upstream(tagUrl: string, more: Partial<Upstream> = {}): Upstream {
  return { name: "main", tagUrl, timeoutMs: 5000, headers: {}, parameters: "all", ...more };
}

export function zoneRelay(upstreams: readonly Upstream[], more: Partial<ZoneRelay> = {}): ZoneRelay {
  return { ...RELAY_DEFAULTS, timeoutMs: 10_000, ...more, upstreams };
}

export function relayRequest(more: Partial<RelayRequest> = {}): RelayRequest {
  return {
    form: "vast",
    zone: "1",
    session: "s-1",
    serving: "~1",
    breakId: "b-1",
    position: 1,
    breakPosition: undefined,
    duration: undefined,
    query: "",
    baseUrl: new URL("https://relay.test/"),
    viewer: { ip: "203.0.113.9", userAgent: "Player/1.0 (test)" },
    cookies: undefined,
    depth: 0,
    ...more,
  };
}

/** Without the XML declaration. */
export function print(root: TreeElement): string {
  return formatTree(root)
    .replace(/^<\?xml[^>]*\?>\n/, "")
    .trimEnd();
}

/** As another program reads it: what was printed, by the strict reader. */
export function reread(root: TreeElement): ReturnType<typeof parseXml> {
  return parseXml(print(root));
}

const OUR_ELEMENT =
  /<(Impression|Error|Tracking|ClickTracking)(?: [^>]*)?><!\[CDATA\[https:\/\/relay\.test\/[^\]]*(?:\][^\]]+)*\]\]><\/\1>/g;

/** What was printed, our elements taken out. */
export function printWithoutOurs(root: TreeElement): string {
  return print(root).replace(OUR_ELEMENT, "");
}
