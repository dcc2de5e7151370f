/**
 * The repackage ticket: this ad server's word that it named a media file in an answer. It goes to the page in the answer and comes
 * back with the request to repackage that file; nobody without the secret can make one, and it ends by itself.
 *
 * In VAST: `<CreativeExtension type="application/vnd.interlude.repackage+xml"><RepackageTicket mediaFile="URL">ticket</…>`.
 */
import { cleanText } from "../clean-text.ts";
import { HttpError } from "../http-error.ts";
import { isSameSeal, type Seal, sealOf } from "../seal.ts";
import { canonicalUrl } from "./canonical-url.ts";

/** What an answer says of the ad; empty where it says nothing. */
export interface TicketedNames {
  readonly adSystem: string;
  readonly adId: string;
  readonly creativeId: string;
}

/** Which file, and in which zone it was named. */
export interface TicketedFile {
  readonly zone: string;
  readonly creativeUrl: string;
}

/** The ticket of a media file that an answer names; undefined: it gets none. */
export type GiveTicket = (file: TicketedFile, names: TicketedNames) => string | undefined;

/** A ticket lasts as long as the longest film is watched whose breaks were all answered at its start. */
export const REPACKAGE_TICKET_LIFE_MS: number = 6 * 3_600_000;
/** Longer names are cut: CRS keeps no more of them. */
const MAX_NAME = 200;
const FORM = /^r1\.(?<names>[\w-]{1,4000})\.(?<end>[\da-z]{1,9})\.(?<seal>[\w-]{22})$/;

/** undefined for a URL that nobody could fetch. Zone and URL are sealed and not in the text: whoever sends it names them. */
export function signRepackageTicket(
  file: TicketedFile,
  names: TicketedNames,
  end: Date,
  secret: string | Seal,
): string | undefined {
  const url = canonicalUrl(file.creativeUrl);
  if (url === undefined) return undefined;
  const cut = [names.adSystem, names.adId, names.creativeId].map((name) => cleanText(name.slice(0, MAX_NAME)));
  const payload = `${Buffer.from(JSON.stringify(cut)).toString("base64url")}.${formatEnd(end)}`;
  return `r1.${payload}.${seal(payload, file.zone, url, secret)}`;
}

/** @throws HttpError `ticket-invalid` for one of another file, zone or server, `ticket-expired` after its end */
export function readRepackageTicket(
  ticket: string,
  file: TicketedFile,
  secret: string | Seal,
  now: Date,
): TicketedNames {
  const { names, end, seal: sent } = FORM.exec(ticket)?.groups ?? {};
  const url = canonicalUrl(file.creativeUrl);
  if (names === undefined || end === undefined || sent === undefined || url === undefined) throw invalid();
  const own = seal(`${names}.${end}`, file.zone, url, secret);
  if (!isSameSeal(sent, own)) throw invalid();
  if (Number.parseInt(end, 36) * 1000 <= now.getTime()) {
    throw new HttpError("ticket-expired", "ticket: expected one that is not over, got one that is; ask for ads again");
  }
  const [adSystem, adId, creativeId] = readNames(names);
  return { adSystem, adId, creativeId };
}

function invalid(): HttpError {
  return new HttpError("ticket-invalid", "ticket: expected one that this server gave for this creative, got another");
}

/** Sealed here: it is what was written. */
function readNames(text: string): readonly [string, string, string] {
  const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
  const [adSystem = "", adId = "", creativeId = ""] = Array.isArray(value) ? value.map(String) : [];
  return [adSystem, adId, creativeId];
}

/** Whole seconds since 1970, in as few characters as are needed. */
function formatEnd(end: Date): string {
  return Math.floor(end.getTime() / 1000).toString(36);
}

/** Each text with its length, so that no two are sealed alike. */
function seal(payload: string, zone: string, url: string, secret: string | Seal): string {
  const texts = [payload, zone, url].map((text) => `${text.length}:${text}`).join("");
  return sealOf(secret)(`interlude repackage ticket 1\n${texts}`);
}
