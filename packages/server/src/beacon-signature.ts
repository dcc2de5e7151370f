/**
 * Tells beacon URLs that this server wrote from those that somebody made up: `sig` is a seal over the event and all that the server
 * put into the URL. What the player fills in (macros), which time it is (`n`), and what comes beside is not covered.
 *
 * URLs of the release before have their seal over `n` and not over the viewer: they are good, and their viewer is anybody's word.
 */
import { createHmac } from "node:crypto";
import { isSameSeal, type Seal, sealOf } from "./seal.ts";

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

const FORM = /^[\w-]{22}$/;

/** The secret of beacons, of the secret of tickets: neither can be told from the other. */
export function deriveBeaconSecret(ticketSecret: string): string {
  return createHmac("sha256", ticketSecret).update("interlude beacon").digest("base64url");
}

/** The value of `sig` for each event of a thing: 22 characters that need no encoding. */
export type SignEvents = (parameters: BeaconParameters) => (event: string) => string;

/** By a seal, for who signs dozens. */
export function createBeaconSigner(seal: Seal): SignEvents {
  return (parameters) => {
    const fixed = formatFixed(parameters);
    return (event) => sealEvent(event, fixed, seal);
  };
}

/** The same of one event. */
export function signBeacon(event: string, parameters: BeaconParameters, secret: string | Seal): string {
  return createBeaconSigner(sealOf(secret))(parameters)(event);
}

/** Judges the decoded query of a request for `/track/{event}`. */
export function checkBeacon(event: string, query: BeaconParameters, secret: string | Seal): BeaconSignature {
  return judgeBeacon(event, query, secret).signature;
}

/** As {@link checkBeacon}, for who goes by the viewer. */
export function judgeBeacon(event: string, query: BeaconParameters, secret: string | Seal): BeaconJudgement {
  const sent = first(query["sig"]);
  if (sent === "") return { signature: "unsigned", isViewerSealed: false };
  if (!FORM.test(sent)) return { signature: "forged", isViewerSealed: false };
  const seal = sealOf(secret);
  const isSeal = (fixed: string): boolean => isSameSeal(sent, sealEvent(event, fixed, seal));
  if (isSeal(formatFixed(query))) return { signature: "signed", isViewerSealed: true };
  const isOfReleaseBefore = isSeal(formatTexts([...listSealed(query), first(query["n"])]));
  return { signature: isOfReleaseBefore ? "signed" : "forged", isViewerSealed: false };
}

/** All of a seal that is the same for each event. */
function formatFixed(parameters: BeaconParameters): string {
  const viewer = first(parameters["v"]);
  // The empty one is where `n` was: most URLs are good at instances of the release before, too.
  return formatTexts([...listSealed(parameters), "", ...(viewer === "" ? [] : [viewer])]);
}

function listSealed(parameters: BeaconParameters): readonly string[] {
  return SEALED.map((name) => first(parameters[name]));
}

function sealEvent(event: string, fixed: string, seal: Seal): string {
  return seal(`interlude beacon 1\n${formatTexts([event])}${fixed}`);
}

/** Each text with its length, so that no two lists of texts are sealed alike. */
function formatTexts(texts: readonly string[]): string {
  return texts.map((text) => `${text.length}:${text}`).join("");
}

function first(value: BeaconParameters[string]): string {
  return (typeof value === "string" ? value : value?.[0]) ?? "";
}
