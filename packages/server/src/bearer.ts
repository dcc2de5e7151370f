/** Who may use what no page may: the holder of the API token. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { onRequestHookHandler } from "fastify";
import { HttpError } from "./http-error.ts";

/**
 * A hook for routes that need `Authorization: Bearer <token>`; the comparison takes the same time whatever came.
 *
 * @see RFC 6750 §2.1, §3
 */
export function requireBearer(token: string): onRequestHookHandler {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  const expected = digest(token);
  return async (request, reply) => {
    const sent = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (sent !== undefined && timingSafeEqual(digest(sent), expected)) return;
    reply.header("www-authenticate", 'Bearer realm="interlude"');
    const got = sent === undefined ? "none" : "another";
    throw new HttpError("unauthorized", `Authorization: expected the API token as Bearer, got ${got}`);
  };
}
