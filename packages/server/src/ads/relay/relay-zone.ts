/** What an operator sets for the relay of a zone: whom it asks, in which order, and which ads it lets through. */

/** One ad server, or one tag of it. */
export interface Upstream {
  /** Unique in its zone: `up` of tracking URLs, the label of metrics. */
  readonly name: string;
  /** Absolute, or `/ads/vast` or `/ads/vmap` of this server (its campaign file); macros and `[?name]`, a parameter of the request, are filled in. */
  readonly tagUrl: string;
  /** The tag and all its wrappers. */
  readonly timeoutMs: number;
  /** The operator's own, a key for instance; they go to the origin of the tag and nowhere else. */
  readonly headers: Readonly<Record<string, string>>;
  /** Which parameters of the request go on; what the tag says itself stays. */
  readonly parameters: "all" | readonly string[];
}

/** Texts compare without case; a host is `host`, or `.host` with all below it. */
export interface RelayRules {
  /** An ad of one of these systems, or with a media file or a wrapper from one of these hosts, is left out. */
  readonly block: { readonly adSystems: readonly string[]; readonly hosts: readonly string[] };
  /**
   * `adSystems`: the order of stand-alone ads; a pod keeps its own. `hosts`: the order of the media files of a creative. What is
   * not listed comes behind, in the order of the document.
   */
  readonly priority: { readonly adSystems: readonly string[]; readonly hosts: readonly string[] };
}

/** `first`: the repackaged copy is the first media file; `only`: it is the only one; `off`: creatives stay as they are. */
export type NormaliseMode = "off" | "first" | "only";

export interface ZoneRelay {
  /** In the order in which they are asked; at least one. */
  readonly upstreams: readonly Upstream[];
  /** When the next one is asked: also after an answer without ads, or only where none came. */
  readonly fallback: "no-fill" | "failure";
  /** All upstreams together. */
  readonly timeoutMs: number;
  /** Wrappers within each other. */
  readonly wrapperLimit: number;
  readonly rules: RelayRules;
  readonly normalise: NormaliseMode;
}

/** What a zone that says no more than its upstreams gets. */
export const RELAY_DEFAULTS: Omit<ZoneRelay, "upstreams"> = {
  fallback: "no-fill",
  timeoutMs: 3000,
  wrapperLimit: 5,
  rules: { block: { adSystems: [], hosts: [] }, priority: { adSystems: [], hosts: [] } },
  normalise: "off",
};

/** Milliseconds for one upstream that says none. */
export const UPSTREAM_TIMEOUT_MS = 2000;
