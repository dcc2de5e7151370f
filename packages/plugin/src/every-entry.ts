/** What every entry exports beside its own player: the bootstrap of a server's session, and the types of options and events. */
export type { AdInsertion } from "./ad-insertion.ts";
export type { AdsOption, Opportunity, OpportunityResolver } from "./ads/opportunity.ts";
export {
  bootstrap,
  type Bootstrapped,
  type BootstrapOptions,
  type BootstrapRequest,
  bootstrapUrl,
} from "./bootstrap.ts";
export type * from "./events.ts";
export type { BreakOption, Signaling, TimeRange, TimeRanges } from "./opportunity-options.ts";
export type { AdInsertionOptions } from "./options.ts";
export type { PolicyOptions } from "./policy-options.ts";
export type { ServerOptions, ServerTracking } from "./server-options.ts";
export type * from "./viewing/policy.ts";
