/**
 * Conditional requests.
 *
 * @see RFC 9110 §13.1.2, §13.1.3, §13.2.2
 */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** Whether the client has what would be sent: `etag` and `lastModified` are those of the answer. */
export function isNotModified(
  headers: IncomingHttpHeaders,
  etag: string | undefined,
  lastModified: string | undefined,
): boolean {
  const wanted = headers["if-none-match"];
  // Where both are sent, the date does not count.
  if (wanted !== undefined) return etag !== undefined && isListed(wanted, etag);
  const since = Date.parse(headers["if-modified-since"] ?? "");
  const changed = Date.parse(lastModified ?? "");
  return Number.isFinite(since) && Number.isFinite(changed) && changed <= since;
}

function isListed(header: string, etag: string): boolean {
  const bare = (text: string): string => text.trim().replace(/^W\//, "");
  return header.split(",").some((item) => item.trim() === "*" || bare(item) === bare(etag));
}

/** A strong entity tag for a text. */
export function entityTag(text: string): string {
  return `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;
}
