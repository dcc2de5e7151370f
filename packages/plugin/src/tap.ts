/**
 * Where the player's playlists pass through: content first, whatever happens here.
 */
import { AdError } from "@interlude/core";
import type { AdInsertionEvents, Emit } from "./events.ts";
import type { FetchedPlaylist } from "./content/content.ts";
import type { LoadedParts } from "./parts.ts";

/** What a host gives its playlists to. */
export interface PlaylistTap {
  /** A master playlist came; it is handed on untouched. */
  readonly readMaster: (text: string) => void;
  /** @returns the text for the player; never rejects */
  readonly stitch: (fetched: FetchedPlaylist) => Promise<string>;
}

/**
 * The one place where an exception of the plugin ends: the playlist goes on as it came, and an `error` event tells why.
 *
 * @param loading undefined: the options were wrong, or what is behind the entry could not be loaded; each is told already
 */
export function createTap(
  loading: Promise<LoadedParts | undefined>,
  emit: Emit,
  isDestroyed: () => boolean,
): PlaylistTap {
  return {
    readMaster: (text) => {
      void loading.then((parts) => {
        try {
          parts?.session.readMaster(text);
        } catch (cause) {
          emit("error", describeError(cause, false));
        }
      });
    },
    stitch: async (fetched) => {
      const parts = await loading;
      if (!parts || isDestroyed()) return fetched.text;
      try {
        const { session, timeline } = parts;
        const { text, breaks } = await session.stitch(fetched);
        if (isDestroyed()) return fetched.text;
        timeline.setBreaks(fetched.content.url.href, breaks, !session.facts()?.isLive);
        return text;
      } catch (cause) {
        emit("error", describeError(cause, false));
        return fetched.text;
      }
    },
  };
}

/** An exception as the `error` event tells it. */
export function describeError(cause: unknown, fatal: boolean): AdInsertionEvents["error"] {
  const code = cause instanceof AdError ? cause.code : "internal";
  return { fatal, code, message: cause instanceof Error ? cause.message : String(cause), cause };
}
