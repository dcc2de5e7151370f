/** What the relay is asked and what it answers. */
import type { SkipReason } from "@interlude/core";
import type { RelayedExchange } from "../../own-exchange.ts";
import type { UpstreamOutcome } from "./breaker.ts";
import type { TreeElement } from "./xml-tree.ts";

/** Who watches, as ad servers are told; "" and undefined: not known. */
export interface RelayViewer {
  readonly ip: string;
  readonly userAgent: string;
  readonly referer?: string | undefined;
  readonly acceptLanguage?: string | undefined;
}

/** One request of a player or of the manifest server. */
export interface RelayRequest {
  readonly form: "vast" | "vmap";
  readonly zone: string;
  /** Empty where the request does not tell. */
  readonly session: string;
  /** Stands for the session in tracking where that is empty: by it beacons of one answer are told from those of another. */
  readonly serving: string;
  readonly breakId: string;
  /** Of the first ad in its pod, from 1. */
  readonly position: number;
  /** Of the break in the content; undefined: not known. */
  readonly breakPosition: "pre" | "mid" | "post" | undefined;
  /** Length of the break in seconds; undefined: not known. */
  readonly duration: number | undefined;
  /** The query in the client's spelling and order, without `?`. */
  readonly query: string;
  /** Where the client reached this server; its path is `/`. */
  readonly baseUrl: URL;
  readonly viewer: RelayViewer;
  /** The `Cookie` header; of its cookies those that an answer of the relay set are used. */
  readonly cookies: string | undefined;
  /** Relays that this request came through: {@link readRelayDepth}. */
  readonly depth: number;
  /** The request of a relay of this process that this one is made for: what is offered is tracked and noted there. */
  readonly relayed?: RelayedExchange | undefined;
}

/** One ad that the answer offers. */
export interface RelayedAd {
  readonly ad: string;
  readonly creative: string;
  /** Of tracking: the request's position and so many further; that of the request for every stand-alone ad. */
  readonly position: number;
  readonly adSystem: string;
  /** Of this server's campaign file; undefined: an ad of others. */
  readonly lineItem?: string;
}

/** The ads of one break: of a VAST answer the only one, under the name that the request gave it. */
export interface RelayedBreak {
  readonly breakId: string;
  /** Empty: no fill. */
  readonly ads: readonly RelayedAd[];
}

/** An ad, or a whole answer, that gave nothing. */
export interface RelayFailure {
  readonly reason: SkipReason;
  readonly message: string;
  readonly vastError: number;
  /** undefined: the request itself. */
  readonly adId: string | undefined;
  readonly upstream: string;
}

/** What asking one upstream came to. */
export interface RelayAttempt {
  readonly upstream: string;
  readonly outcome: UpstreamOutcome;
  /** 0 where it was not asked. */
  readonly ms: number;
}

export interface RelayAnswer {
  readonly form: "vast" | "vmap";
  /** Wrappers resolved, the tracking of this server added. */
  readonly root: TreeElement;
  /** Who answered; undefined: nobody did, and `root` is an empty answer. */
  readonly upstream: string | undefined;
  /** As its tracking names it: of an answer that was asked for ahead, what the request then was. */
  readonly session: string;
  readonly breaks: readonly RelayedBreak[];
  readonly attempts: readonly RelayAttempt[];
  readonly failures: readonly RelayFailure[];
  /** `Set-Cookie` lines for the client. */
  readonly setCookies: readonly string[];
  /** Of `root`, where it has no ad with a film: told by the player that gets it, or by whoever does not hand it on. */
  readonly untold: readonly UntoldError[];
  /** Tells ad servers what no player will, within what one answer may. */
  readonly tell: Tell;
}

/** Requests addresses of ad servers that want to know of an error; `reason` is for those of this project. */
export type Tell = (urls: readonly string[], vastError: number, reason?: SkipReason) => void;

/** Addresses that want to know of a VAST error. */
export interface UntoldError {
  readonly errorUrls: readonly string[];
  readonly vastError: number;
}

/** On every request of the relay: how many relays it comes through, so that two that ask each other come to an end. */
export const RELAY_DEPTH_HEADER = "x-interlude-relay";

/** 0 where the header is missing. What is no number counts as one relay too many. */
export function readRelayDepth(header: string | readonly string[] | undefined): number {
  if (header === undefined) return 0;
  return typeof header === "string" && /^\d{1,3}$/.test(header) ? Number(header) : MAX_RELAY_DEPTH;
}

/** A request that came through so many relays is not relayed again. */
export const MAX_RELAY_DEPTH = 2;
