/**
 * What can go wrong with input or upstreams, as a closed list, so that every table keyed by it is checked for completeness.
 * Expected outcomes (no fill, CDN miss, pending) are values, never errors.
 */
export type AdErrorCode =
  | "xml-malformed"
  | "vast-malformed"
  | "vast-version"
  | "vmap-malformed"
  | "wrapper-limit"
  | "playlist-malformed"
  | "upstream-status"
  | "upstream-timeout"
  | "upstream-unreachable"
  | "response-too-large"
  | "address-refused"
  | "url-malformed"
  | "option-invalid";

/**
 * An error whose message names the thing, what was expected and what came.
 *
 * @example `VAST at https://ads.example/: expected a <VAST> root, got <html>`
 */
export class AdError extends Error {
  override readonly name = "AdError";
  readonly code: AdErrorCode;
  /** Where it happened; `cause` is what was caught. */
  readonly context: { readonly url?: string; readonly cause?: unknown };

  constructor(code: AdErrorCode, message: string, context: { readonly url?: string; readonly cause?: unknown } = {}) {
    super(message, { cause: context.cause });
    this.code = code;
    this.context = context;
  }
}

/**
 * The VAST error number that tells an ad server why its answer could not be used.
 *
 * @see VAST 4.3 §2.3.6.3
 */
export const VAST_ERROR_OF_CODE: Readonly<Record<AdErrorCode, number>> = {
  "xml-malformed": 100,
  "vast-malformed": 101,
  "vast-version": 102,
  "vmap-malformed": 101,
  "wrapper-limit": 302,
  "playlist-malformed": 405,
  "upstream-status": 301,
  "upstream-timeout": 301,
  "upstream-unreachable": 301,
  "response-too-large": 100,
  "address-refused": 900,
  "url-malformed": 900,
  "option-invalid": 900,
};
