/**
 * What is loaded behind an entry, and what a host makes of it: the seam between the insertion, which knows no player, and the players.
 */
import type { VirtualMediaShelf } from "./ads/virtual-media.ts";
import type { BreakSnapshot, Emit } from "./events.ts";
import type { Settings } from "./options.ts";
import type { PluginPorts } from "./ports.ts";
import type { Session } from "./session.ts";
import type { BeaconSender } from "./viewing/beacons.ts";
import type { Timeline } from "./viewing/timeline.ts";
import type { Viewing } from "./viewing/viewing.ts";

/** The insertion at work, as a host gets it. */
export interface LoadedParts {
  readonly settings: Settings;
  readonly ports: PluginPorts;
  readonly session: Session;
  readonly timeline: Timeline;
  readonly viewing: Viewing;
  readonly beacons: BeaconSender;
  readonly emit: Emit;
  readonly toContentTime: (streamTime: number) => number;
  readonly toStreamTime: (contentTime: number) => number;
  /** Seconds; undefined while it is not known, and in live content. */
  readonly contentDuration: () => number | undefined;
  /** In order of their content time. */
  readonly breaks: () => readonly BreakSnapshot[];
  /** Playlists or loaded media have moved the breaks. */
  readonly onTimelineChange: () => void;
}

/** A player's side of the insertion. */
export interface HostSide {
  /** Null while the player has none. */
  readonly media: () => HTMLMediaElement | null;
  /** The address of the content as the page gave it; absent or undefined: not known. */
  readonly contentUrl?: () => string | undefined;
  /**
   * Gets ready for breaks that are declared as interstitials, where ads cannot be spliced into the content; absent: the player plays
   * none.
   */
  readonly playInterstitials?: () => Promise<void>;
  /** Seconds of media ahead of the playhead; undefined while nothing is buffered there. */
  readonly bufferAhead: () => number | undefined;
  /**
   * Where the page has the player begin in live content, seconds from the first segment of the first playlist; absent or undefined: where
   * the playlist says, or near the edge.
   */
  readonly liveStart?: (content: { readonly duration: number; readonly targetDuration: number }) => number | undefined;
  /** Whether the player can play sound that is not in the segments of the pictures; absent: it can. */
  readonly playsSoundApart?: () => boolean;
  /** Bits per second that the player has measured; absent or undefined: it has not yet. */
  readonly bandwidthBps?: () => number | undefined;
  /**
   * From now on the player gets what is on the shelf from there; only the first call counts. When it goes, or plays another source, it
   * releases the shelf, whatever has become of this side. Absent: it cannot.
   *
   * @throws whatever `import()` throws: then no segment of the shelf reaches the player
   */
  readonly serveVirtual?: (shelf: VirtualMediaShelf) => Promise<void>;
  /** A break was decided after the playlists had been handed over. */
  readonly onLateChange: () => void;
  /**
   * Seconds of the timeline before its place in which a break may still come where content is loaded already; Infinity: it may not. Absent: it
   * is not known.
   */
  readonly lateNotice?: () => number;
  /** The viewer has sought from one stream time to another, and no policy has sent him elsewhere. */
  readonly onSeek?: (from: number, to: number) => void;
  /** Ends all listeners and timers of this side; the player goes on. */
  readonly detach: () => void;
}

/** What a player can do, where players differ. */
export interface HostAbilities {
  /** Whether a VOD playlist can be handed over again: then only pre-rolls hold up the start, later breaks are bound late. */
  readonly canBindLate: boolean;
  /** Whether it takes segments that the page makes: {@link HostSide.serveVirtual}; absent: it does not. */
  readonly canServeVirtual?: boolean;
  /** The player's name, and its version after a "/" where it is known, for [CLIENTUA]. */
  readonly player?: string;
}
