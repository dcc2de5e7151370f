/** Requests that this very server's relay makes of this server: what they are answered is noted where the viewer asked. */
import type { IncomingHttpHeaders } from "node:http";
import { readRelayDepth, RELAY_DEPTH_HEADER } from "./relay-answer.ts";

/** Another server's relay is a client like others: its requests count here. */
export function isRelayedHere(headers: IncomingHttpHeaders): boolean {
  return headers.via === "1.1 interlude" && readRelayDepth(headers[RELAY_DEPTH_HEADER]) > 0;
}
