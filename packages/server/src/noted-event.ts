/**
 * What the servers themselves note down beside players' beacons, for the same report: how often ads were asked for, which were
 * offered, and which were left out. A part gets the one function {@link NoteEvent} as a port.
 */
import type { SkipReason } from "@interlude/core";

/** The place in somebody's viewing; texts are empty where it is not known. */
export interface NotedPlace {
  readonly zone: string;
  readonly session: string;
  readonly breakId: string;
  /** Of the campaign file; empty or left out: none. */
  readonly lineItem?: string | undefined;
  /** The relay's upstream by its name; empty or left out: none. */
  readonly upstream?: string | undefined;
}

/** One ad in its place. */
export interface NotedAd extends NotedPlace {
  /** In its pod, from 1. */
  readonly position: number;
  readonly ad: string;
  readonly creative: string;
}

/** One request for the ads of a break that was answered; without ads it is a request that was not filled. */
export interface AdRequestNoted extends NotedPlace {
  readonly event: "adRequest";
  readonly adsOffered: number;
}

/** One ad that an answer names. */
export interface AdOfferedNoted extends NotedAd {
  readonly event: "adOffered";
}

/** One ad that was answered and not inserted; once per session, break, position and ad. */
export interface AdSkippedNoted extends NotedAd {
  readonly event: "adSkipped";
  readonly reason: SkipReason;
}

export type NotedEvent = AdRequestNoted | AdOfferedNoted | AdSkippedNoted;

/** Returns at once and never throws: what cannot be written down is logged. */
export type NoteEvent = (event: NotedEvent) => void;
