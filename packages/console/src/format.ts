/** Numbers, times and addresses as people read them. */

const WHOLE = new Intl.NumberFormat("en");
const NOTHING = "–";

export function formatCount(count: number): string {
  return WHOLE.format(count);
}

/** A count on a scale: nothing for what is between two counts. */
export function formatWhole(value: number | undefined): string {
  return value === undefined || !Number.isInteger(value) ? "" : formatCount(value);
}

/** @param share 0 to 1; a dash for undefined: a share of nothing */
export function formatShare(share: number | undefined): string {
  if (share === undefined) return NOTHING;
  const percent = share * 100;
  // What is not all is never written as all.
  const shown = percent > 0 && percent < 100 ? Math.min(99.9, Math.max(0.1, percent)) : percent;
  return `${Number(shown.toFixed(1))} %`;
}

export function shareOf(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole;
}

/** `0.4 s`, `12.5 s`, `2 min 5 s`, `3 h 20 min`, `4 d 2 h`. */
export function formatSeconds(seconds: number): string {
  const tenths = Math.round(seconds * 10) / 10;
  if (tenths < 60) return `${tenths} s`;
  const whole = Math.round(seconds);
  const [large, name, small, smaller] =
    whole < 3600
      ? ([60, "min", 1, "s"] as const)
      : whole < 86_400
        ? ([3600, "h", 60, "min"] as const)
        : ([86_400, "d", 3600, "h"] as const);
  const rest = Math.floor((whole % large) / small);
  return `${Math.floor(whole / large)} ${name}${rest === 0 ? "" : ` ${rest} ${smaller}`}`;
}

/** How long ago an ISO time was: `12 s ago`, `just now`. */
export function formatAgo(time: string, now: number): string {
  const seconds = Math.round((now - Date.parse(time)) / 1000);
  return seconds < 2 ? "just now" : `${formatSeconds(seconds)} ago`;
}

/** An ISO time in the viewer's own zone. */
export function formatTime(time: string): string {
  return new Date(time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

export function formatBitrate(bandwidthBps: number): string {
  return bandwidthBps >= 1e6
    ? `${(bandwidthBps / 1e6).toFixed(1)} Mbit/s`
    : `${Math.round(bandwidthBps / 1000)} kbit/s`;
}

/** The last part of an address's path, the host where there is none; the text itself where it is no address. */
export function formatFileName(url: string): string {
  if (!URL.canParse(url)) return url;
  const { pathname, host } = new URL(url);
  return pathname.split("/").findLast((part) => part !== "") ?? host;
}

/** A bucket of the report: `mm-dd-yyyy hh:00` as its hour, `mm-dd-yyyy` as `21 Nov`. */
export function formatBucket(bucket: string): string {
  if (bucket.includes(" ")) return bucket.slice(11);
  const [month = 1, day = 1, year = 2000] = bucket.split("-").map(Number);
  return new Date(Date.UTC(year, month - 1, day)).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    timeZone: "UTC",
  });
}
