/**
 * Where the player's playlists pass through: content first, whatever happens here.
 */
import { AdError } from "@interlude/core";
import type { AdInsertionEvents, Emit } from "./events.ts";
import type { PlaylistTap } from "./playlist-loader.ts";
import type { Session } from "./session.ts";
import type { Timeline } from "./timeline.ts";

/**
 * The one place where an exception of the plugin ends: the playlist goes on as it came, and an `error` event tells why.
 *
 * @param session undefined where the options were wrong
 */
export function createTap(
  session: Session | undefined,
  timeline: Timeline,
  emit: Emit,
  isDestroyed: () => boolean,
): PlaylistTap {
  return {
    readMaster: (text) => {
      try {
        session?.readMaster(text);
      } catch (cause) {
        emit("error", describeError(cause, false));
      }
    },
    stitch: async (fetched) => {
      if (!session || isDestroyed()) return fetched.text;
      try {
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
