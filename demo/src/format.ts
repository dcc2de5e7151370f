/** Numbers and addresses as a reader wants them. */
import type { AdEvent } from "@interlude/plugin/hls";

/** Seconds as m:ss; negative and unknown values are 0:00. */
export function formatTime(seconds: number): string {
  const whole = Number.isFinite(seconds) && seconds > 0 ? Math.floor(seconds) : 0;
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Milliseconds, short. */
export function formatMs(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** An address without its origin where that is the page's own, long path parts shortened to their first letters. */
export function formatAddress(url: string, origin: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed) return url;
  const path = parsed.pathname
    .split("/")
    .map((part) => (part.length > 24 ? `${part.slice(0, 6)}…${part.endsWith(".m3u8") ? ".m3u8" : ""}` : part))
    .join("/");
  return `${parsed.origin === origin ? "" : parsed.origin}${path}${parsed.search}`;
}

/** Which ad is on screen, and the seconds that are left of it. */
export function formatBadge({ index, adCount, duration, time }: AdEvent & { readonly time: number }): string {
  const which = adCount > 1 ? `Ad ${index + 1} of ${adCount}` : "Ad";
  return `${which} · ${Math.max(0, Math.ceil(duration - time))} s`;
}
