/**
 * The manifest server's own addresses. What a session is, and which content may be fetched for it, stands in the address, signed:
 * any instance can answer it, also one that never heard of the session.
 *
 *   /auditude/variant/{asset}/{base64url(content)}.m3u8                     bootstrap, not signed
 *   /auditude/variant/{asset}/{session}/{base64url(content)}.m3u8           the session's master
 *   /auditude/{live,vod}/{asset}/{slot}/{session}/{base64url(content)}.m3u8 media
 *
 * Parameters are not signed: players append their own (`pttrackingposition`, `_HLS_msn`), and what a session's are was decided at
 * its bootstrap.
 *
 * @see primetime.md §1.2; DESIGN §7
 */
import { HttpError } from "../http-error.ts";
import { createSigner } from "./signature.ts";

/** Which playlist of a session an address is for. */
export interface SessionAddress {
  /** `variant`: the master. */
  readonly kind: "variant" | "live" | "vod";
  readonly assetId: string;
  /** Kilobits per second, or `webvtt`, `audio`, `video`, `iframe`, `image`; empty for the master. */
  readonly slot: string;
  readonly sessionId: string;
  readonly zone: string;
  /** Of the failover set: see `Session.isBackup`. */
  readonly isBackup: boolean;
  /** The content's playlist, absolute. */
  readonly contentUrl: string;
  /** The content's master, absolute; for the master itself the same. */
  readonly masterUrl: string;
}

/** The parameter that holds the signature: `p` or `b` for the primary or the backup set, a dot, and the seal. */
export const SIGNATURE_PARAMETER = "ptsig";
/** base64url of the master's address, relative to the media playlist's: the session can be made anew from any of its addresses. */
const MASTER_PARAMETER = "ptmaster";

/** Builds and reads signed addresses; see the head of this file. */
export interface ManifestUrls {
  /**
   * @param baseUrl as the client reached this server; its path is not used
   * @param query the bootstrap's, which is carried on in its order but for what belongs to the bootstrap alone; may be empty
   */
  build(address: SessionAddress, baseUrl: URL, query: string): string;
  /**
   * @param address without what the signature says
   * @param query of the request
   * @throws HttpError `signature-invalid`
   */
  verify(address: Omit<SessionAddress, "isBackup" | "zone" | "masterUrl">, query: string): SessionAddress;
}

/** @param secret the same for all instances that share a load balancer */
export function manifestUrls(secret: string): ManifestUrls {
  const signer = createSigner(secret, "manifest address");
  return {
    build: (address, baseUrl, query) => {
      const carried = carryQuery(query);
      const search = [
        ...(carried === "" ? [] : [carried]),
        // What Akamai's edge tells the renditions of an asset apart by (primetime.md §1.12)
        ...(address.slot !== "" && readParameter(carried, "ptassetid") !== "" ? [`ptrendition=${address.slot}`] : []),
        ...(address.kind === "variant" ? [] : [`${MASTER_PARAMETER}=${formatMaster(address)}`]),
        `${SIGNATURE_PARAMETER}=${address.isBackup ? "b" : "p"}.${signer.sign(signedText(address))}`,
      ];
      return `${baseUrl.protocol}//${baseUrl.host}${formatPath(address)}?${search.join("&")}`;
    },
    verify: (address, query) => {
      const [set, seal = ""] = readParameter(query, SIGNATURE_PARAMETER).split(".");
      const masterUrl = readMaster(address, query);
      const full = { ...address, masterUrl, zone: readParameter(query, "z"), isBackup: set === "b" };
      if ((set === "p" || set === "b") && signer.isSigned(signedText(full), seal)) return full;
      throw new HttpError(
        "signature-invalid",
        `${SIGNATURE_PARAMETER}: expected the signature that this server put into the address, got another; start at the bootstrap URL`,
      );
    },
  };
}

/** No part can hold a line feed, so that no two addresses share a text. */
function signedText(address: SessionAddress): string {
  const { kind, assetId, slot, sessionId, zone, isBackup, contentUrl, masterUrl } = address;
  return [kind, assetId, slot, sessionId, zone, isBackup ? "backup" : "primary", contentUrl, masterUrl].join("\n");
}

function formatMaster({ contentUrl, masterUrl }: SessionAddress): string {
  const { origin, pathname, search } = new URL(masterUrl);
  return encodeContentUrl(origin === new URL(contentUrl).origin ? pathname + search : masterUrl);
}

/** Whatever it is, the signature covers it. */
function readMaster({ kind, contentUrl }: Pick<SessionAddress, "kind" | "contentUrl">, query: string): string {
  if (kind === "variant") return contentUrl;
  const reference = Buffer.from(readParameter(query, MASTER_PARAMETER), "base64url").toString("utf8");
  return URL.canParse(reference, contentUrl) ? new URL(reference, contentUrl).href : contentUrl;
}

function formatPath({ kind, assetId, slot, sessionId, contentUrl }: SessionAddress): string {
  const middle = slot === "" ? "" : `${slot}/`;
  return `/auditude/${kind}/${encodeURIComponent(assetId)}/${middle}${sessionId}/${encodeContentUrl(contentUrl)}.m3u8`;
}

/** base64url without padding, as in Primetime's examples. */
export function encodeContentUrl(url: string): string {
  return Buffer.from(url, "utf8").toString("base64url");
}

/** Characters of a content URL at most. */
const MAX_CONTENT_URL = 2048;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/**
 * @param text base64url or base64, padded or not
 * @returns an absolute http or https URL without user information and fragment
 * @throws HttpError `content-url-invalid`
 */
export function decodeContentUrl(text: string): URL {
  const bytes = text.replace(/={1,2}$/, "");
  // One character of base64 that is left over holds no byte: the address was cut.
  if (bytes === "" || !BASE64.test(text) || bytes.length % 4 === 1) {
    throw wrongContentUrl("base64url of an address", text);
  }
  const decoded = Buffer.from(bytes, "base64").toString("utf8");
  if (decoded.length > MAX_CONTENT_URL) {
    throw wrongContentUrl(`at most ${MAX_CONTENT_URL} characters`, `${decoded.length}`);
  }
  if (/[\p{Cc}\ufffd]/u.test(decoded) || !URL.canParse(decoded)) {
    throw wrongContentUrl("base64url of an absolute URL", text);
  }
  const url = new URL(decoded);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw wrongContentUrl("http or https", url.protocol);
  if (url.username !== "" || url.password !== "") throw wrongContentUrl("no user information", "some");
  url.hash = "";
  return url;
}

function wrongContentUrl(expected: string, got: string): HttpError {
  return new HttpError(
    "content-url-invalid",
    `content URL: expected ${expected}, got ${JSON.stringify(got.slice(0, 80))}`,
  );
}

/** What is for the bootstrap alone, or set by this server, or appended by players. */
const NOT_CARRIED = /^(?:_sid_|__sid__|ptrendition|pttrackingposition|ptmaster|ptsig|_HLS_.*)$/;

/** The parameters that go on into a session's addresses, as they were written and in their order. */
export function carryQuery(query: string): string {
  if (query === "") return "";
  const kept = query.split("&").filter((pair) => pair !== "" && !NOT_CARRIED.test(pair.split("=", 1)[0] ?? ""));
  // The one visible character of an address that would end an attribute of a playlist
  return kept.join("&").replaceAll('"', "%22");
}

/** The first value of a parameter, decoded; empty where it is missing. */
export function readParameter(query: string, name: string): string {
  for (const pair of query.split("&")) {
    if (!pair.startsWith(name) || pair[name.length] !== "=") continue;
    const text = pair.slice(name.length + 1).replaceAll("+", " ");
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }
  return "";
}
