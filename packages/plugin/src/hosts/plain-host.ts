/**
 * Ads for any player that lets the page change its playlists on their way, as text: one function for the playlists, one for the media
 * element. Such a player is asked for nothing and told nothing.
 *
 * Every break of VOD content is decided before the first media playlist is handed over, because it will not be asked for again; within
 * `startBudgetMs`, then content comes first.
 *
 * @see DESIGN §6 (in-line splicing, late-bound breaks)
 */
import { type AdInsertion, createInsertionBase, type CreatePorts } from "../ad-insertion.ts";
import type { AdInsertionOptions } from "../options.ts";
import type { LoadedParts } from "../parts.ts";
import { describeError } from "../tap.ts";
import type { FetchedMaster, PlainHostSide, PlayerPlaylist } from "./plain-attachment.ts";

/** Ads for a player that is not known. */
export interface PlainAdInsertion extends AdInsertion {
  /**
   * A master playlist came; it is not changed. With it, media playlists need nothing but `text` and `url`.
   *
   * @param url the address that answered
   */
  readonly readMaster: (text: string, url: string | URL) => void;
  /**
   * The text that the player is to get for a playlist; a master playlist is read and handed back. Ask for each answer, in live for each
   * refresh, and give the player all of them: a playlist may wait for the ads as long as `startBudgetMs`.
   *
   * @returns the text as it came where no ad goes into it; never rejects
   */
  readonly stitch: (playlist: PlayerPlaylist) => Promise<string>;
  /**
   * The element that shows it, from which events and beacons come; null: none any more. The `contentTime` of the insertion counts in its
   * `currentTime`.
   *
   * @param startTime seconds of `currentTime` where the first segment lies that the player was given; 0, but in live what the player
   * made of it. May be called again when that is known.
   */
  readonly watch: (media: HTMLMediaElement | null, startTime?: number) => void;
}

/**
 * Starts at once: zone document and ad tag are under way when this returns. One insertion serves one content. Never throws: a wrong
 * option is told by `ready` and by `error`.
 *
 * @param createPorts for tests; absent: the browser's own fetch, clock and DOMParser
 */
export function createPlainInsertion(options: AdInsertionOptions, createPorts?: CreatePorts): PlainAdInsertion {
  const { insertion, tap, connect } = createInsertionBase(options, { canBindLate: false }, createPorts);
  const code = import("./plain-attachment.ts");
  // whoever connects is told
  code.catch(() => undefined);
  let master: FetchedMaster | undefined;
  let media: HTMLMediaElement | null = null;
  let startTime = 0;
  let parts: LoadedParts | undefined;
  let side: PlainHostSide | undefined;
  connect(async (loaded) => {
    const { attachPlain } = await code;
    parts = loaded;
    side = attachPlain(loaded, () => startTime);
    side.watch(media);
    return side;
  });

  const stitch = async (playlist: PlayerPlaylist): Promise<string> => {
    const { describePlayerPlaylist } = await code;
    const fetched = describePlayerPlaylist(playlist, resolveUrl(playlist.url), master);
    const text = await tap.stitch(fetched);
    if (fetched.content.kind === "main") side?.setPlaylist(text, fetched.content.url);
    return text;
  };
  const readMaster = (text: string, url: string | URL): void => {
    if (URL.canParse(url, pageUrl())) master = { text, url: resolveUrl(url) };
    tap.readMaster(text);
  };

  return Object.assign(insertion, {
    readMaster,
    stitch: async (playlist: PlayerPlaylist) => {
      if (!playlist.text.includes("#EXTINF:")) {
        readMaster(playlist.text, playlist.url);
        return playlist.text;
      }
      try {
        return await stitch(playlist);
      } catch (cause) {
        parts?.emit("error", describeError(cause, false));
        return playlist.text;
      }
    },
    watch: (element: HTMLMediaElement | null, from = 0) => {
      media = element;
      startTime = from;
      side?.watch(element);
    },
  });
}

function pageUrl(): string {
  return globalThis.location?.href ?? "http://localhost/";
}

function resolveUrl(url: string | URL): URL {
  return new URL(url, pageUrl());
}
