/** What the relay asks of the rest. */
import type { BreakerOptions } from "./breaker.ts";
import type { CookieRules } from "./page-cookies.ts";
import type { OwnTracking, TrackingUrl } from "./own-tracking.ts";
import type { RelayAttempt, RelayFailure, RelayRequest, RelayViewer } from "./relay-answer.ts";
import type { RelayFetch } from "./relay-fetch.ts";
import type { TrackedAd } from "./shape-answer.ts";

export interface RelayDeps {
  readonly fetch: RelayFetch;
  readonly cookies: CookieRules;
  /** Of a thing that an answer to this request names. */
  readonly trackingUrls: (request: RelayRequest, thing: TrackedAd) => TrackingUrl;
  /** Of an address in an answer of that upstream; undefined: it is not this server's, or of another request. */
  readonly readOwnTracking: (url: string, request: RelayRequest, upstream: string) => OwnTracking | undefined;
  /** Fire and forget: an address of an ad server that is told of an error; macros are filled in. */
  readonly sendBeacon: (url: string, viewer: RelayViewer) => void;
  /** Told of each upstream that was, or was not, asked. */
  readonly onAttempt?: (zone: string, attempt: RelayAttempt) => void;
  /** Told of what gave nothing. */
  readonly onFailure?: (zone: string, failure: RelayFailure) => void;
  readonly breaker?: Partial<BreakerOptions>;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number;
  /** Milliseconds of a clock that never goes back; default `performance.now`. */
  readonly clock?: () => number;
  /** 0 to 1; default `Math.random`. */
  readonly random?: () => number;
}
