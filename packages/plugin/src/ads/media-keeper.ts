/**
 * Which creatives that the page makes are open: what nobody asks for is closed, and opened again by whoever asks.
 *
 *   nobody has asked for a minute        → closed: file, tables and segments are let go
 *   more than four are open              → so is the one that was asked for longest ago, where all are new the last of them
 *   something of it could not be made    → closed as soon as nobody waits for it
 */
import type { VirtualMedia } from "./virtual-media.ts";

export interface KeptMedia {
  /** It is open already. */
  readonly media: VirtualMedia;
  /** Opens it again. */
  readonly open: () => Promise<VirtualMedia>;
  /** Told each time that it is closed. */
  readonly onClose: () => void;
}

export interface MediaKeeper {
  /** @returns the same media, open or not; released, it is closed for good */
  readonly keep: (kept: KeptMedia) => VirtualMedia;
}

const MAX_OPEN = 4;
const IDLE_MS = 60_000;

interface Creative extends Pick<KeptMedia, "open" | "onClose"> {
  /** Absent: it is closed. */
  media: Promise<VirtualMedia> | undefined;
  waiting: number;
  isAsked: boolean;
  hasFailed: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export function createMediaKeeper(): MediaKeeper {
  /** Those that are open; last whoever was asked for last. */
  const open = new Set<Creative>();
  const close = (creative: Creative): void => {
    clearTimeout(creative.timer);
    if (!open.delete(creative)) return;
    creative.media?.then(({ release }) => release()).catch(() => undefined);
    creative.media = undefined;
    creative.hasFailed = false;
    creative.onClose();
  };
  const closeIdle = (): void => {
    const idle = [...open].filter(({ waiting }) => waiting === 0);
    const leaving = idle.find(({ isAsked }) => isAsked) ?? idle.at(-1);
    if (leaving && open.size > MAX_OPEN) close(leaving);
  };
  const rest = (creative: Creative): void => {
    if (creative.waiting > 0 || !open.has(creative)) return;
    if (creative.hasFailed) close(creative);
    else creative.timer = setTimeout(close, IDLE_MS, creative);
    closeIdle();
  };
  const take = (creative: Creative): Promise<VirtualMedia> => {
    clearTimeout(creative.timer);
    open.delete(creative);
    open.add(creative);
    creative.isAsked = true;
    closeIdle();
    return (creative.media ??= creative.open());
  };
  return {
    keep: ({ media, ...kept }) => {
      const creative: Creative = { ...kept, ...CLOSED, media: Promise.resolve(media) };
      open.add(creative);
      rest(creative);
      return {
        release: () => close(creative),
        load: async (path, signal, onProgress) => {
          creative.waiting += 1;
          try {
            return await (await take(creative)).load(path, signal, onProgress);
          } catch (cause) {
            creative.hasFailed ||= !signal.aborted;
            throw cause;
          } finally {
            creative.waiting -= 1;
            rest(creative);
          }
        },
      };
    },
  };
}

const CLOSED = { waiting: 0, isAsked: false, hasFailed: false, timer: undefined };
