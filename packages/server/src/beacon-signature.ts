/**
 * Tells beacon URLs that this server wrote from those that somebody made up: `sig` is a seal over the event and all that the server
 * put into the URL. What the player fills in (macros), which time it is (`n`), and what comes beside is not covered.
 *
 * URLs of the release before have their seal over `n` and not over the viewer: they are good, and their viewer is anybody's word.
 */
import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";

/** `unsigned`: there is no `sig`; `forged`: there is one, and it is not ours or is of another URL. */
export type BeaconSignature = "signed" | "unsigned" | "forged";

/** What its seal makes of a URL. */
export interface BeaconJudgement {
  readonly signature: BeaconSignature;
  /** Whether it is for this server's word that the viewer (`v`) is who he is, or that there is none. */
  readonly isViewerSealed: boolean;
}

/** What is sealed, in the order of the seal; one that is left out or empty counts as empty. */
const SEALED = ["zone", "session", "break", "position", "ad", "creative", "li", "up"] as const;

/** The parameters of a beacon URL as they are before encoding; a list where one is given more than once: its first counts. */
export type BeaconParameters = Readonly<Record<string, string | readonly string[] | undefined>>;

/** 128 bits: nobody guesses them, and the URL stays short. */
const SEAL_BYTES = 16;
const FORM = /^[\w-]{22}$/;

/** The secret of beacons, of the secret of tickets: neither can be told from the other. */
export function deriveBeaconSecret(ticketSecret: string): string {
  return createHmac("sha256", ticketSecret).update("interlude beacon").digest("base64url");
}

/** The value of `sig`: 22 characters that need no encoding. */
export function signBeacon(event: string, parameters: BeaconParameters, secret: string | KeyObject): string {
  return seal(event, parameters, secret).toString("base64url");
}

/** Judges the decoded query of a request for `/track/{event}`. */
export function checkBeacon(event: string, query: BeaconParameters, secret: string | KeyObject): BeaconSignature {
  return judgeBeacon(event, query, secret).signature;
}

/** As {@link checkBeacon}, for who goes by the viewer. */
export function judgeBeacon(event: string, query: BeaconParameters, secret: string | KeyObject): BeaconJudgement {
  const sent = first(query["sig"]);
  if (sent === "") return { signature: "unsigned", isViewerSealed: false };
  if (!FORM.test(sent)) return { signature: "forged", isViewerSealed: false };
  const isSeal = (made: Buffer): boolean => timingSafeEqual(Buffer.from(sent, "base64url"), made);
  if (isSeal(seal(event, query, secret))) return { signature: "signed", isViewerSealed: true };
  const isOfReleaseBefore = isSeal(sealTexts([event, ...listSealed(query), first(query["n"])], secret));
  return { signature: isOfReleaseBefore ? "signed" : "forged", isViewerSealed: false };
}

function seal(event: string, parameters: BeaconParameters, secret: string | KeyObject): Buffer {
  const viewer = first(parameters["v"]);
  // The empty one is where `n` was: most URLs are good at instances of the release before, too.
  return sealTexts([event, ...listSealed(parameters), "", ...(viewer === "" ? [] : [viewer])], secret);
}

function listSealed(parameters: BeaconParameters): readonly string[] {
  return SEALED.map((name) => first(parameters[name]));
}

/** Each text with its length, so that no two lists of texts are sealed alike. */
function sealTexts(values: readonly string[], secret: string | KeyObject): Buffer {
  const texts = values.map((text) => `${text.length}:${text}`);
  return createHmac("sha256", secret)
    .update(`interlude beacon 1\n${texts.join("")}`)
    .digest()
    .subarray(0, SEAL_BYTES);
}

function first(value: BeaconParameters[string]): string {
  return (typeof value === "string" ? value : value?.[0]) ?? "";
}
