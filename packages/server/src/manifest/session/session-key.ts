/** How a name is written in the tables of sessions. */
import { createHash } from "node:crypto";

/** Fits into an index whatever a playlist or an ad server has in its names: they may be long, and hold zero bytes. */
export function keyOf(name: string): string {
  if (/^[\x20-\x7e]{1,120}$/.test(name)) return name;
  return `sha256 ${createHash("sha256").update(name).digest("base64url")}`;
}
