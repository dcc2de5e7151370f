/**
 * Where what is loaded behind the entry meets the player's side, whichever of the two comes first. Neither is made for an insertion that
 * has ended.
 */
import type { HostSide, LoadedParts } from "./parts.ts";

/** Makes the player's side. */
export type AttachHost = (parts: LoadedParts) => HostSide | Promise<HostSide>;

export interface HostLink {
  /** Undefined until both are there, and after the end. */
  readonly host: () => HostSide | undefined;
  /** Undefined until they are loaded; they outlive the host, for what playlists still show. */
  readonly parts: () => LoadedParts | undefined;
  /** @throws what making the player's side throws */
  readonly setParts: (parts: LoadedParts) => Promise<void>;
  /** @throws what making the player's side throws */
  readonly setPlayer: (attach: AttachHost) => Promise<void>;
  readonly release: () => void;
  /** The parts serve nobody any more. */
  readonly forget: () => void;
}

export function createHostLink(): HostLink {
  let parts: LoadedParts | undefined;
  let attach: AttachHost | undefined;
  let host: HostSide | undefined;
  let isReleased = false;
  const meet = async (): Promise<void> => {
    if (!parts || !attach || host || isReleased) return;
    const made = await attach(parts);
    if (isReleased) made.detach();
    else host = made;
  };
  return {
    host: () => host,
    parts: () => parts,
    setParts: (loaded) => {
      parts = loaded;
      return meet();
    },
    setPlayer: (attachHost) => {
      attach = attachHost;
      return meet();
    },
    release: () => {
      const side = host;
      host = undefined;
      isReleased = true;
      side?.detach();
    },
    forget: () => {
      parts = undefined;
    },
  };
}
