/**
 * Reading v2, which tells when each URL is due and by which event.
 *
 * @see primetime.md §2.4
 */
import { SKIP_REASON_OF_TEXT } from "./sidecar-read-skip.ts";
import type { SidecarAd, SidecarBreak, SidecarCompanion, SidecarSkip, SidecarTracker } from "./sidecar-break.ts";
import { list, readAddress, readNumber, readText } from "./sidecar-read-json.ts";

/** Of one document; the rest is not read. */
export const MAX_BREAKS = 500;
/** Of one break; the rest is not read. */
export const MAX_ADS = 100;
/** Of one ad or break; the rest is not read. */
export const MAX_TRACKERS = 500;

/** Names are made unique, and a pod without one is called by its number. */
export function readPods(value: unknown, base: URL | undefined): readonly SidecarBreak[] {
  const taken = new Set<string>();
  return list(value, "pods", MAX_BREAKS).flatMap((pod, index) => {
    const startTime = readNumber(pod, "startTime");
    if (startTime === undefined) return [];
    const id = (readText(pod, "id") ?? `break-${index + 1}`).slice(0, 200);
    const breakId = taken.has(id) ? `${id}-${index + 1}` : id;
    taken.add(breakId);
    return [readPod(pod, breakId, startTime, base)];
  });
}

function readPod(pod: unknown, breakId: string, startTime: number, base: URL | undefined): SidecarBreak {
  const ads = list(pod, "ads", MAX_ADS).flatMap((ad, index) => readAd(ad, index, base));
  const trackers = list(pod, "trackingUrls", MAX_TRACKERS).flatMap((entry): readonly SidecarTracker[] => {
    const event = POD_EVENT.get(readText(entry, "event")?.toLowerCase() ?? "");
    const url = readAddress(entry, "url", base);
    return event === undefined || url === undefined ? [] : [{ event, url, time: undefined }];
  });
  return {
    breakId,
    startTime,
    duration: readNumber(pod, "duration") ?? ads.reduce((sum, { duration }) => sum + duration, 0),
    ads,
    skipped: list(pod, "skipped", MAX_ADS).map(readSkip),
    trackers,
  };
}

const POD_EVENT: ReadonlyMap<string, string> = new Map([
  ["start", "breakStart"],
  ["breakstart", "breakStart"],
  ["complete", "breakEnd"],
  ["breakend", "breakEnd"],
  ["error", "error"],
]);

const AD_EVENT: ReadonlyMap<string, string> = new Map([
  ["first", "firstQuartile"],
  ["third", "thirdQuartile"],
]);

function readSkip(entry: unknown): SidecarSkip {
  const reason = SKIP_REASON_OF_TEXT.get(readText(entry, "reason") ?? "") ?? "media-unavailable";
  const [adId, creativeId] = [readText(entry, "adId"), readText(entry, "creativeId")];
  return { adId, adSystem: readText(entry, "adSystem") ?? "", creativeId, reason };
}

interface TimedUrl {
  readonly event: string;
  readonly url: string;
  readonly startTime: number | undefined;
  readonly adSystem: string;
}

function readUrls(value: unknown, key: string, base: URL | undefined): readonly TimedUrl[] {
  return list(value, key, MAX_TRACKERS).flatMap((entry): readonly TimedUrl[] => {
    const name = readText(entry, "event") ?? "";
    const url = readAddress(entry, "url", base);
    const adSystem = readText(entry, "adSystems") ?? readText(entry, "adSystem") ?? "";
    const event = AD_EVENT.get(name.toLowerCase()) ?? name;
    return url === undefined ? [] : [{ event, url, startTime: readNumber(entry, "startTime"), adSystem }];
  });
}

const isEvent =
  (name: string) =>
  ({ event }: TimedUrl): boolean =>
    event.toLowerCase() === name;

function readAd(ad: unknown, index: number, base: URL | undefined): readonly SidecarAd[] {
  const startTime = readNumber(ad, "startTime");
  const duration = readNumber(ad, "duration");
  if (startTime === undefined || duration === undefined || duration <= 0) return [];
  const listed = readUrls(ad, "trackingUrls", base);
  // until 19.4.1 clicks stood among the trackers
  const clicks = [...readUrls(ad, "videoClicks", base), ...listed];
  const trackers = listed.filter((entry) => !isEvent("clickthrough")(entry) && !isEvent("clicktracking")(entry));
  return [
    {
      adId: readText(ad, "id") ?? "",
      adSystem: [...listed, ...clicks].find(({ adSystem }) => adSystem !== "")?.adSystem ?? "",
      title: "",
      creativeId: undefined,
      sequence: index + 1,
      startTime,
      duration,
      playlistUrl: "",
      trackers: trackers.map(({ event, url, startTime: time }) => {
        return { event, url, time: time === undefined ? undefined : Math.max(0, time - startTime) };
      }),
      errors: [],
      clickThrough: clicks.find(isEvent("clickthrough"))?.url,
      clickTrackers: clicks.filter(isEvent("clicktracking")).map(({ url }) => url),
      companions: list(ad, "companions", MAX_ADS).flatMap((entry) => readCompanion(entry, base)),
      wrapperAdIds: [],
    },
  ];
}

/** What a static or framed companion shows is an address; one of HTML shows a text. */
function readCompanion(entry: unknown, base: URL | undefined): readonly SidecarCompanion[] {
  const type = readText(entry, "resourceType")?.toLowerCase();
  const resourceType = type === "iframe" || type === "html" ? type : "static";
  const resource = resourceType === "html" ? readText(entry, "url") : readAddress(entry, "url", base);
  if (resource === undefined) return [];
  const urls = readUrls(entry, "trackingUrls", base);
  return [
    {
      id: readText(entry, "id"),
      width: readNumber(entry, "width"),
      height: readNumber(entry, "height"),
      resourceType,
      mimeType: readText(entry, "mimeType"),
      resource,
      clickThrough: urls.find(isEvent("clickthrough"))?.url,
      trackers: urls
        .filter((found) => !isEvent("clickthrough")(found))
        .map(({ event, url }) => ({ event, url, time: undefined })),
    },
  ];
}
