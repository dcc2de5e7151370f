/**
 * The sidecars of a session: one is asked for with each playlist, and what was read last goes on where one does not come.
 */
import type { PlacedBreak, SidecarBreak, SidecarReading } from "@interlude/core";
import type { ContentFacts } from "../content/content.ts";
import type { ServerSettings } from "../server-options.ts";
import type { SessionDeps } from "../session.ts";
import { describeError } from "../tap.ts";
import { groupUrls } from "./loose-urls.ts";
import { findShift, listEdges, placeBreaks } from "./place-breaks.ts";
import { requestSidecar } from "./sidecar-request.ts";
import type { Listing } from "./track.ts";

/** A playlist as it came. */
export interface ListedPlaylist {
  readonly url: URL;
  readonly listing: Listing;
  readonly facts: ContentFacts;
}

export interface Sidecars {
  /** Where its breaks are, as far as that is known when it has waited. */
  readonly follow: (playlist: ListedPlaylist) => Promise<readonly PlacedBreak[]>;
  /** A few times a second, while the viewer watches. */
  readonly retry: () => void;
}

export interface SidecarsDeps extends Pick<SessionDeps, "ports" | "emit" | "placeLate"> {
  readonly server: ServerSettings;
  readonly onBreaks: (
    breaks: readonly SidecarBreak[],
    placed: readonly PlacedBreak[],
    facts: ContentFacts,
  ) => readonly PlacedBreak[];
}

/** VOD asks for a sidecar that failed so often again: nothing else would. */
const MAX_RETRIES = 3;
const RETRY_MS = 2000;

export function createSidecars(deps: SidecarsDeps): Sidecars {
  const { ports, server } = deps;
  let reading: SidecarReading | undefined;
  let asked = 0;
  /** The number of the question whose answer is the reading. */
  let answered = 0;
  let failure = "";
  let missed: { readonly playlist: ListedPlaylist; readonly at: number } | undefined;
  let retries = 0;

  const place = ({ listing, facts }: ListedPlaylist): readonly PlacedBreak[] => {
    if (!reading) return [];
    const { breaks, urls } = reading;
    if (urls.length === 0) {
      const shift = findShift(listing, listEdges(breaks), true);
      return deps.onBreaks(breaks, placeBreaks(listing, breaks, shift), facts);
    }
    const times = urls.map(({ time }) => time);
    const found = groupUrls(listing, urls, findShift(listing, times, false));
    return deps.onBreaks(found, placeBreaks(listing, found, 0), facts);
  };
  /** One and the same failure is told once; an answer that a newer one has overtaken is as good as that. */
  const ask = async ({ url }: ListedPlaylist): Promise<"read" | "left" | "failed"> => {
    asked += 1;
    const number = asked;
    try {
      const answer = await requestSidecar(url, ports);
      if (number < answered) return "read";
      failure = "";
      if (answer) answered = number;
      reading = answer ?? reading;
      return answer ? "read" : "left";
    } catch (cause) {
      if (number < answered) return "read";
      const event = describeError(cause, false);
      if (event.code !== failure) deps.emit("error", event);
      failure = event.code;
      return "failed";
    }
  };
  const takeLate = async (asked: ReturnType<typeof ask>, playlist: ListedPlaylist): Promise<void> => {
    const outcome = await asked;
    if (outcome === "read") deps.placeLate(playlist.url, place(playlist));
    // in live the next refresh asks
    else if (outcome === "failed" && !playlist.facts.isLive) missed = { playlist, at: ports.now() };
  };

  return {
    follow: async (playlist) => {
      const { isLive, targetDuration } = playlist.facts;
      const waitMs = isLive ? Math.min(server.sidecarTimeoutMs, targetDuration * 500) : server.sidecarTimeoutMs;
      const asked = ask(playlist);
      const outcome = await settleWithin(asked, waitMs);
      if (outcome === undefined || outcome === "failed") void takeLate(asked, playlist);
      return place(playlist);
    },
    retry: () => {
      if (!missed || retries >= MAX_RETRIES || ports.now() - missed.at < RETRY_MS) return;
      const { playlist } = missed;
      missed = undefined;
      retries += 1;
      void takeLate(ask(playlist), playlist);
    },
  };
}

/** Undefined where it takes longer. */
function settleWithin<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    void promise.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
