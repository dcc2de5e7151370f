/**
 * The headers of a request that the relay makes for a viewer.
 *
 * @see VAST 4.3 §1.6 (server-side ad requests: X-Device-…, X-Forwarded-For)
 */
import { RELAY_DEPTH_HEADER, type RelayViewer } from "./relay-answer.ts";

const MAX_VALUE = 2000;

/**
 * What is not known is left out; `User-Agent` is the viewer's, else this server's.
 *
 * @param cookie the cookies for the asked host
 * @param depth of the request that is answered
 */
export function buildUpstreamHeaders(
  viewer: RelayViewer,
  cookie: string | undefined,
  depth: number,
): Readonly<Record<string, string>> {
  const userAgent = clean(viewer.userAgent);
  const ip = clean(viewer.ip);
  const referer = clean(viewer.referer ?? "");
  const language = clean(viewer.acceptLanguage ?? "");
  return {
    accept: "application/xml, text/xml;q=0.9, */*;q=0.5",
    "user-agent": userAgent || "Interlude",
    ...(userAgent && { "x-device-user-agent": userAgent }),
    ...(ip && { "x-device-ip": ip, "x-forwarded-for": ip }),
    ...(referer && { referer, "x-device-referer": referer }),
    ...(language && { "accept-language": language, "x-device-accept-language": language }),
    ...(cookie !== undefined && { cookie }),
    [RELAY_DEPTH_HEADER]: String(depth + 1),
  };
}

/** What no header may hold is taken out (RFC 9110 §5.5). */
function clean(value: string): string {
  return value
    .replace(/[^\x20-\x7e\x80-\xff]/g, "")
    .slice(0, MAX_VALUE)
    .trim();
}
