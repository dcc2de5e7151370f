/**
 * The question for a playlist's sidecar.
 *
 * @see docs/tracking.md (statuses); primetime.md §1.15, §2.2
 */
import { AdError, readSidecar, type SidecarReading } from "@interlude/core";
import type { PluginPorts } from "../ports.ts";

/** Of one document. */
const MAX_BYTES = 2_000_000;
/** After which an answer that is late is of no use either. */
const LATE_MS = 10_000;

const POSITION = "pttrackingposition";

/** The address of a stream playlist, as it is, with the parameter that asks for the tracking. */
export function sidecarUrl(playlistUrl: URL): URL {
  const url = new URL(playlistUrl);
  url.hash = "";
  url.search = `${url.search === "" ? "?" : `${url.search}&`}${POSITION}=0`;
  return url;
}

/**
 * Undefined where the server says that the player is in another stream by now: what was known goes on.
 *
 * @throws AdError `upstream-status` for another status, and what `FetchText` and `readSidecar` throw
 */
export async function requestSidecar(playlistUrl: URL, ports: PluginPorts): Promise<SidecarReading | undefined> {
  const url = sidecarUrl(playlistUrl);
  const { status, text } = await ports.fetchAds(url, { timeoutMs: LATE_MS, maxBytes: MAX_BYTES });
  if (status === 200 || status === 201) return readSidecar(status === 201 ? "" : text, ports.readXml, url);
  if (status === 404 || (status === 500 && text.includes("stream-not-played"))) return undefined;
  throw new AdError("upstream-status", `sidecar at ${url.href}: expected status 200, got ${status}`, { url: url.href });
}
