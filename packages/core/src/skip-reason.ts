/**
 * Why an ad was not inserted. One closed list for the log, the metrics, the sidecar, the debug header and the `adskip` event.
 */
export type SkipReason = keyof typeof VAST_ERROR_OF_SKIP;

/**
 * The VAST error number that is reported for each skip reason; `undefined` where skipping is no error.
 *
 * @see VAST 4.3 §2.3.6.3; 407 is the number of a creative that is being transcoded for the first time
 */
export const VAST_ERROR_OF_SKIP = {
  "new-creative": 407,
  "repackage-in-progress": 407,
  "repackage-unavailable": 407,
  "repackage-refused": 407,
  "repackage-failed": 405,
  "source-unreadable": 405,
  "creative-blocked": 403,
  "unsupported-media-file": 403,
  "interactive-unsupported": 403,
  "no-variant-match": 403,
  "target-duration-exceeded": 403,
  "no-media-file": 401,
  "media-unavailable": 401,
  "cdn-error": 401,
  "media-timeout": 402,
  "ads-timeout": 301,
  "wrapper-limit": 302,
  "no-ads": 303,
  "vast-malformed": 100,
  "break-duration-exceeded": 202,
  "duration-mismatch": 202,
  "key-mismatch": 900,
  overload: 900,
  "early-return": undefined,
  policy: undefined,
} as const;
