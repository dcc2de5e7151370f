/**
 * The place that an `<Error>` URL of this server's own tracking tells its receiver: by its seal, which nobody else can write, whatever
 * name the receiver is reached by.
 */
import { type BeaconParameters, checkBeacon } from "../../beacon-signature.ts";
import type { NotedAd } from "../../noted-event.ts";
import { createSeal } from "../../seal.ts";

/** `session` may be empty, or stand for one that the tag did not tell. undefined: it leads to somebody else, or is of another session. */
export type ReadOwnError = (url: string, sessionId: string) => NotedAd | undefined;

const PATH = /\/track\/error$/;

export function createOwnErrorReader(secret: string): ReadOwnError {
  const seal = createSeal(secret);
  return (url, sessionId) => {
    if (!URL.canParse(url)) return undefined;
    const { pathname, searchParams } = new URL(url);
    const session = searchParams.get("session") ?? "";
    const isOfSession = session === sessionId || session === "" || session.startsWith("~");
    if (!PATH.test(pathname) || !isOfSession) return undefined;
    const query: BeaconParameters = Object.fromEntries([...searchParams].toReversed());
    if (checkBeacon("error", query, seal) !== "signed") return undefined;
    const text = (name: string): string => searchParams.get(name) ?? "";
    return {
      zone: text("zone"),
      session,
      breakId: text("break"),
      position: Number(text("position")),
      ad: text("ad"),
      creative: text("creative"),
      lineItem: text("li"),
      upstream: text("up"),
    };
  };
}
