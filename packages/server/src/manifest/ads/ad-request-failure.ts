/** Ad requests that gave nothing that can be read, as results. */
import { AdError, type AdErrorCode, VAST_ERROR_OF_CODE, type VastResult } from "@interlude/core";

/** Codes that are not here: the ad server was not reached, or said nothing that can be read. */
const REASON_OF_CODE: { readonly [Code in AdErrorCode]?: "vast-malformed" | "wrapper-limit" } = {
  "xml-malformed": "vast-malformed",
  "vast-malformed": "vast-malformed",
  "vast-version": "vast-malformed",
  "vmap-malformed": "vast-malformed",
  "response-too-large": "vast-malformed",
  "wrapper-limit": "wrapper-limit",
};

/** The result of a request that threw. */
export function failRequest(error: unknown): VastResult {
  const code = error instanceof AdError ? error.code : "upstream-unreachable";
  return failWith(REASON_OF_CODE[code] ?? "ads-timeout", VAST_ERROR_OF_CODE[code], String(error));
}

/** A result without ads, for one reason that nobody asked to be told. */
export function failWith(
  reason: "ads-timeout" | "no-ads" | "vast-malformed" | "wrapper-limit",
  vastError: number,
  message: string,
): VastResult {
  const failure = { reason, vastError, message: message.slice(0, 500), errorUrls: [], adId: undefined } as const;
  return { ads: [], failures: [failure] };
}
