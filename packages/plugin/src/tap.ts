/**
 * Where the player's playlists pass through: content first, whatever happens here.
 */
import { AdError, isLive } from "@interlude/core";
import type { AdInsertionEvents, Emit } from "./events.ts";
import type { FetchedPlaylist } from "./content/content.ts";
import type { LoadedParts } from "./parts.ts";
import { sleep } from "./sleep.ts";

/** What a host gives its playlists to. */
export interface PlaylistTap {
  /** The player asks for a content, by this address: one that differs from the first ends the ads. Absent: the host sees to that itself. */
  readonly begin?: (url: string) => void;
  /** A master playlist came; it is handed on untouched. */
  readonly readMaster: (text: string) => void;
  /** @returns the text for the player; never rejects */
  readonly stitch: (fetched: FetchedPlaylist) => Promise<string>;
}

export interface TapDeps {
  /** undefined: the options were wrong, or what is behind the entry could not be loaded; each is told already. */
  readonly loading: Promise<LoadedParts | undefined>;
  readonly emit: Emit;
  /** Whether the player's side is there, so that what is spliced is also told and counted. */
  readonly isAttached: () => Promise<boolean>;
  /** Another content came than the insertion was made for. */
  readonly onOtherContent: (cause: AdError) => void;
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
}

/** How long the first playlist waits for what is behind the entry. */
const LOAD_BUDGET_MS = 3000;

/**
 * The one place where an exception of the plugin ends: the playlist goes on as it came, and an `error` event tells why.
 *
 * What is behind the entry and does not come within the budget is not waited for: VOD has no ads then, because its playlists must agree;
 * live has them from the refresh on that finds it there.
 *
 * A player that lives on after the insertion gets the breaks that it has in every further playlist: without them the others would be
 * shorter than what it plays. Nothing is asked, told or decided then.
 */
export function createTap({ loading, emit, isAttached, onOtherContent, ended }: TapDeps): PlaylistTap {
  const isDestroyed = (): boolean => ended.aborted;
  let budget: Promise<void> | undefined;
  let isOver = false;
  let attached: Promise<boolean> | undefined;
  let isHandedOver = false;
  let contentUrl: string | undefined;
  const goesOn = (): boolean => !isOver && (isHandedOver || !isDestroyed());
  const waitForParts = async (text: string): Promise<LoadedParts | undefined> => {
    if (isOver) return undefined;
    const late = (budget ??= sleep(LOAD_BUDGET_MS, ended)).then(() => "late" as const);
    const parts = await Promise.race([loading, late]);
    if (parts !== "late") return parts;
    if (isDestroyed()) return undefined;
    isOver = !isLive(text);
    const message = `the plugin's parts: expected within ${LOAD_BUDGET_MS} ms of the first playlist, got none`;
    emit("error", { fatal: isOver, code: "upstream-timeout", message, cause: undefined });
    return undefined;
  };
  /** Undefined where nothing is to go into the playlist. */
  const findParts = async (text: string): Promise<LoadedParts | undefined> => {
    const parts = await waitForParts(text);
    if (!parts || !goesOn()) return undefined;
    const isThere = await (attached ??= isAttached());
    if (!isThere && goesOn()) {
      isOver = true;
      emit("error", describeError(new AdError("option-invalid", UNATTACHED), true));
    }
    return goesOn() ? parts : undefined;
  };
  return {
    begin: (url) => {
      contentUrl ??= url;
      if (url === contentUrl || isOver) return;
      isOver = true;
      onOtherContent(
        new AdError("option-invalid", `${url}: expected one content per insertion, got another: make a new one for it`),
      );
    },
    readMaster: (text) => {
      void loading.then((parts) => {
        if (!goesOn()) return;
        try {
          parts?.session.readMaster(text);
        } catch (cause) {
          emit("error", describeError(cause, false));
        }
      });
    },
    stitch: async (fetched) => {
      const parts = await findParts(fetched.text);
      if (!parts) return fetched.text;
      try {
        const { session, timeline } = parts;
        const { text, breaks } = await session.stitch(fetched);
        if (!goesOn()) return fetched.text;
        isHandedOver = true;
        timeline.setBreaks(fetched.content.url.href, breaks, !session.facts()?.isLive);
        return text;
      } catch (cause) {
        // what the breaks of this address were before is not what the player gets now
        parts.timeline.setBreaks(fetched.content.url.href, [], true);
        emit("error", describeError(cause, false));
        return fetched.text;
      }
    },
  };
}

const UNATTACHED = "attach: expected it before the first media playlist, got none";

/** An exception as the `error` event tells it. */
export function describeError(cause: unknown, fatal: boolean): AdInsertionEvents["error"] {
  const code = cause instanceof AdError ? cause.code : "internal";
  return { fatal, code, message: cause instanceof Error ? cause.message : String(cause), cause };
}
