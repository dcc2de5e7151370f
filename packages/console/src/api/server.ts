/** What `/v1/overview`, `/v1/config` and `/v1/sessions` answer. Times are ISO 8601 in UTC. */
import type { CreativeState } from "./creatives.ts";

export interface Overview {
  readonly server: {
    readonly version: string;
    readonly node: string;
    /** Its counters are since then. */
    readonly startedAt: string;
    readonly database: "embedded" | "postgres";
    readonly isRepackaging: boolean;
  };
  readonly creatives: Readonly<Record<CreativeState, number>>;
  readonly sessions: { readonly alive: number; readonly store: "memory" | "database" };
  readonly overload: "none" | "lean" | "shedding";
  readonly requestsInFlight: number;
  readonly timeToReady: {
    readonly count: number;
    readonly averageSeconds?: number;
    /** Not cumulative; the last has no `upTo`. */
    readonly buckets: readonly { readonly upTo?: number; readonly count: number }[];
  };
  readonly breaks: readonly BreakCounts[];
  readonly adServer: Counts;
  readonly skipped: Counts;
  readonly probes: { readonly hit: number; readonly miss: number; readonly error: number };
  readonly repackageRequests: Counts;
  readonly beacons: Counts;
  readonly upstreams: readonly Upstream[];
}

export type Counts = Readonly<Record<string, number>>;

export interface BreakCounts {
  readonly kind: "live" | "vod";
  readonly decided: number;
  readonly listed: number;
  readonly seconds: number;
  readonly filledSeconds: number;
  readonly ads: number;
}

export interface Upstream {
  readonly zone: string;
  readonly upstream: string;
  readonly state: "closed" | "open" | "half-open";
}

export interface SessionPage {
  readonly sessions: readonly Session[];
  readonly total: number;
  readonly next?: string;
  readonly store: "memory" | "database";
}

export interface Session {
  readonly id: string;
  readonly zone: string;
  readonly asset: string;
  readonly contentUrl: string;
  readonly startedAt: string;
  readonly lastSeenAt: string;
  readonly kind?: "live" | "vod";
  readonly breaks: number;
  readonly ads: number;
  readonly skipped: Counts;
  readonly userAgent: string;
}

export interface SessionDetail extends Session {
  readonly decisions: readonly Decision[];
}

export interface Decision {
  readonly id: string;
  readonly position: "pre" | "mid" | "post";
  readonly firstListedAt: string;
  readonly at?: number;
  readonly mediaSequence?: number;
  readonly availSeconds: number;
  readonly ads: readonly {
    readonly id: string;
    readonly title: string;
    readonly adSystem: string;
    readonly creativeId?: string;
    readonly seconds: number;
    readonly isRepackaged: boolean;
  }[];
  readonly skipped: readonly {
    readonly id?: string;
    readonly adSystem: string;
    readonly creativeId?: string;
    readonly reason: string;
    readonly message: string;
  }[];
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

export interface ConfigInForce {
  readonly settings: readonly Setting[];
  readonly zones: readonly ZoneInForce[];
  readonly targets: readonly {
    readonly name: string;
    readonly type: "directory" | "s3" | "http-put";
    readonly publicUrl?: string;
    readonly where: string;
  }[];
  readonly accounts: { readonly count: number };
  readonly campaigns: {
    readonly lineItems: number;
    readonly schedules: number;
    readonly state: "current" | "outdated";
    readonly loadedAt: string;
    readonly complaint?: string;
  };
  readonly files: readonly { readonly name: string; readonly path: string }[];
}

export interface Setting {
  readonly name: string;
  readonly meaning: string;
  readonly value?: string;
  readonly source: "environment" | "default";
  readonly isSecret: boolean;
}

export interface ZoneInForce {
  readonly zone: string;
  readonly cdns: Readonly<Record<string, string>>;
  readonly defaultCdn: string;
  readonly targetDurations: readonly number[];
  readonly mediaTypes: readonly string[];
  readonly creativeHosts: readonly string[];
  readonly normaliseRules: number;
  readonly manifest?: readonly Fact[];
  readonly relay?: readonly Fact[];
  readonly tracking: readonly Fact[];
}
