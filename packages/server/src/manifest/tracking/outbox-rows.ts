/**
 * Where beacons wait to be sent: in the database, so that nothing but the request itself can be lost with a process, or in memory.
 * A row is marked before its request begins. A mark that nobody takes away again tells of a process that died in between; its
 * request may have been taken, so the row is never sent again.
 */

/** A request for a viewer, complete: nothing else need be known to make it, also by another process. */
export interface OutboxBeacon {
  readonly sessionId: string;
  readonly event: string;
  /** Absolute, macros filled in. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For the log: seconds from the start of the ad. */
  readonly time: number;
  /** For the log; empty: of the break. */
  readonly adSystem: string;
}

/** A beacon that its session owes once: `claim` names it among all that the session owes. */
export interface OwedBeacon {
  readonly beacon: OutboxBeacon;
  readonly claim: string;
}

/** `known`: somebody had it kept before, or its session is gone; `full`: there is no room now, and it is owed still. */
export type Kept = "kept" | "known" | "full";

/** One that is marked as being sent. */
export interface TakenBeacon {
  readonly id: string;
  readonly host: string;
  readonly beacon: OutboxBeacon;
  /** From 1: the request that is to be made now. */
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

/** What may be begun now. */
export interface OutboxRoom {
  /** Requests in all. */
  readonly free: number;
  /** Requests of one host, those under way included. */
  readonly perHost: number;
  /** Requests under way, by host; those at the limit are there too. */
  readonly active: ReadonlyMap<string, number>;
  /** Hosts that want to be left alone for a while. */
  readonly held: readonly string[];
}

/** Those that waited for too long, and those whose process died while it sent them. */
export interface SweptBeacons {
  readonly expired: readonly OutboxBeacon[];
  readonly interrupted: readonly OutboxBeacon[];
}

/** Times (`…Ms`) are since 1970. Rejects only where the database is away. */
export interface OutboxRows {
  /** In their order; false: there was no room for it, and it is not kept. */
  add(beacons: readonly OutboxBeacon[], nowMs: number): Promise<readonly boolean[]>;
  /**
   * Claims and keeps, both or neither, in their order. Only where sessions are in the same place: who dies between a claim and what
   * it was for silences the beacon for good.
   */
  readonly addOwed?: (owed: readonly OwedBeacon[], nowMs: number) => Promise<readonly Kept[]>;
  /** Marks what is due, hosts in turn, each in the order of its coming. Nobody else is given these. */
  take(room: OutboxRoom, nowMs: number): Promise<readonly TakenBeacon[]>;
  /** Takes those that have ended out, and the marks of those that are to be sent again. */
  settle(ended: readonly string[], again: readonly { readonly id: string; readonly dueAtMs: number }[]): Promise<void>;
  /** Takes out what was created, and what was marked, too long ago. */
  sweep(before: { readonly createdBeforeMs: number; readonly markedBeforeMs: number }): Promise<SweptBeacons>;
  /** Of all instances. */
  count(): Promise<{ readonly waiting: number; readonly sending: number }>;
}

/** How much may be kept, of one host and of all, whatever instance took it in. */
export interface OutboxBounds {
  readonly waitingPerHost: number;
  readonly waitingOverall: number;
}
