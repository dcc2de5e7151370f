/**
 * Which content a zone's sessions may have fetched: without a list, the bootstrap would fetch anything for anybody.
 *
 * @see DESIGN §10
 */
import { HttpError } from "../../http-error.ts";
import type { ZoneConfig } from "../../zones.ts";

/** Whether a URL is on the zone's list; `self` is the address by which the client reached this server. */
export function isContentOrigin(url: URL, zone: ZoneConfig, baseUrl: URL): boolean {
  const { origin, host, protocol, hostname, port, pathname } = url;
  return (zone.manifest?.contentOrigins ?? []).some((listed) => {
    // Its own manifests would be stitched again and again.
    if (listed === "self") return host === baseUrl.host && !/^\/+auditude(?:\/|$)/i.test(decodePath(pathname));
    const [scheme = "", parent] = listed.split("://*.");
    if (parent === undefined) return origin === listed;
    return protocol === `${scheme}:` && `${hostname}${port === "" ? "" : `:${port}`}`.endsWith(`.${parent}`);
  });
}

/** As the router reads it: an escaped letter leads to the same place. */
function decodePath(pathname: string): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

/** @throws HttpError `content-origin-refused` */
export function requireContentOrigin(url: URL, zone: ZoneConfig, baseUrl: URL): void {
  if (isContentOrigin(url, zone, baseUrl)) return;
  const listed = zone.manifest?.contentOrigins.join(", ") || "nothing: no content is set up for it";
  throw new HttpError(
    "content-origin-refused",
    `content URL: expected one of an origin that zone ${zone.zone} lists (${listed}), got ${url.origin}`,
  );
}
