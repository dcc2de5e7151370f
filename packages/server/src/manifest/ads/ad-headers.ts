/**
 * The headers of a request that is made for a viewer: who that is, and the cookies that the asked host set.
 *
 * @see VAST 4.3 §1.6 (server-side ad requests: X-Device-…); primetime.md §1.5 (user agents are sanitised)
 */
import { readCookieHeader } from "../content/cookie-jar.ts";
import type { StoredCookie, Viewer } from "../session/session.ts";

const MAX_VALUE = 2000;

/** Headers for one request to `url`; what is not known is left out. `User-Agent` is the viewer's, else this server's. */
export function buildAdHeaders(
  viewer: Viewer,
  cookies: readonly StoredCookie[],
  url: URL,
  now: number,
): Readonly<Record<string, string>> {
  const userAgent = sanitise(viewer.userAgent);
  const ip = sanitise(viewer.ip);
  const referer = sanitise(viewer.referer ?? "");
  const language = sanitise(viewer.acceptLanguage ?? "");
  const cookie = readCookieHeader(cookies, url, now);
  return {
    "user-agent": userAgent || "Interlude",
    ...(userAgent && { "x-device-user-agent": userAgent }),
    ...(ip && { "x-device-ip": ip, "x-forwarded-for": ip }),
    ...(referer && { referer, "x-device-referer": referer }),
    ...(language && { "accept-language": language, "x-device-accept-language": language }),
    ...(cookie !== undefined && { cookie }),
  };
}

/** Control characters, and what no header may hold, removed (RFC 9110 §5.5). */
function sanitise(value: string): string {
  return value
    .replace(/[^\x20-\x7e\x80-\xff]/g, "")
    .slice(0, MAX_VALUE)
    .trim();
}
