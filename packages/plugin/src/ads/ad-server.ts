/**
 * The ad server as the client sees it: which breaks it schedules, and the ads of a break.
 *
 * @see primetime.md §3.3 steps 1 and 2; VMAP 1.0.1
 */
import {
  type AdBreak,
  AdError,
  type AdRequestOptions,
  type BreakOffset,
  type FetchText,
  isNamed,
  parseVmap,
  readXml,
  resolveVast,
  resolveVastText,
  type TextResponse,
  VAST_ERROR_OF_CODE,
  type VastResult,
  type XmlElement,
} from "@interlude/core";
import { type AdRequests, type AdTag, breakTag, createCacheBuster, scheduleTag } from "./ad-requests.ts";
import type { BreakPosition } from "../events.ts";
import type { Settings } from "../options.ts";
import type { PluginPorts } from "../ports.ts";

/** Where the ads of a break come from. */
export type BreakSource =
  | { readonly kind: "tag"; readonly tag: AdTag }
  | { readonly kind: "vast"; readonly vast: XmlElement | string; readonly base: URL }
  | { readonly kind: "result"; readonly result: VastResult };

/** A break before its ads are known. */
export interface PlannedBreak {
  readonly breakId: string;
  readonly position: BreakPosition;
  readonly timeOffset: BreakOffset;
  readonly source: BreakSource;
  readonly allowMultipleAds: boolean;
  readonly followRedirects: boolean;
  readonly breakStart: readonly string[];
  readonly breakEnd: readonly string[];
  readonly errors: readonly string[];
}

export interface AdServer {
  /** The breaks that the page asks for itself. */
  readonly planOwn: () => readonly PlannedBreak[];
  /** All breaks that the ad tag names. An ad tag that fails is one break whose result is that failure. */
  readonly requestSchedule: () => Promise<readonly PlannedBreak[]>;
  /** The ads of one break; upstream faults are failures in the result. */
  readonly requestAds: (planned: PlannedBreak) => Promise<VastResult>;
  /** The ad tag as the source of one avail of a live stream; undefined without a tag. */
  readonly planAvail: (breakId: string, duration: number | undefined) => PlannedBreak | undefined;
}

const POSITION: Readonly<Record<string, BreakPosition>> = { start: "pre", end: "post" };

const ALONE = { allowMultipleAds: true, followRedirects: true, breakStart: [], breakEnd: [], errors: [] } as const;

export function createAdServer(settings: Settings, ports: PluginPorts, requests: AdRequests): AdServer {
  return {
    planOwn: () =>
      settings.breaks.map((item) =>
        planAlone(item.id, item.time === "start" || item.time === "end" ? item.time : { seconds: item.time }, {
          kind: "tag",
          tag: breakTag(item),
        }),
      ),
    requestSchedule: async () => {
      const tag = scheduleTag(settings);
      if (!tag) return [];
      try {
        return planResponse(await requests.askTag(tag, "").response, ports);
      } catch (cause) {
        return [planAlone("preroll", "start", { kind: "result", result: createFailure(cause) })];
      }
    },
    requestAds: async (planned) => {
      const { source, breakId } = planned;
      if (source.kind === "result") return source.result;
      const options: AdRequestOptions = {
        timeoutMs: settings.adTimeoutMs,
        allowMultipleAds: planned.allowMultipleAds,
        followRedirects: planned.followRedirects,
        macros: { TIMESTAMP: new Date(), CACHEBUSTING: createCacheBuster(), TRANSACTIONID: settings.session },
      };
      const { readXml, now } = ports;
      const fetchText: FetchText = (url, limits) => requests.ask(url, limits, breakId);
      if (source.kind === "vast")
        return resolveVastText(source.vast, source.base, { fetchText, readXml, now }, options);
      const asked = requests.askTag(source.tag, breakId);
      const first = await asked.url;
      const fetchFirst: FetchText = (url, limits) => (url === first ? asked.response : fetchText(url, limits));
      return resolveVast(first, { fetchText: fetchFirst, readXml, now }, options);
    },
    planAvail: (breakId, duration) => {
      if (!settings.adTagUrl) return undefined;
      const length = duration === undefined ? {} : { duration: String(duration) };
      const tag = { tag: settings.adTagUrl, parameters: { break: breakId, ...length } };
      return { ...planAlone(breakId, { seconds: 0 }, { kind: "tag", tag }), position: "live" };
    },
  };
}

function planAlone(breakId: string, timeOffset: BreakOffset, source: BreakSource): PlannedBreak {
  return { ...ALONE, breakId, timeOffset, position: selectPosition(timeOffset), source };
}

function selectPosition(offset: BreakOffset): BreakPosition {
  if (typeof offset === "string") return POSITION[offset] ?? "mid";
  if ("share" in offset && offset.share >= 1) return "post";
  return ("seconds" in offset && offset.seconds === 0) || ("share" in offset && offset.share === 0) ? "pre" : "mid";
}

function createFailure(cause: unknown): VastResult {
  const code = cause instanceof AdError ? cause.code : "vast-malformed";
  const isMalformed = code.endsWith("-malformed") || code === "response-too-large";
  const reason = isMalformed ? "vast-malformed" : "ads-timeout";
  const failure = { reason, message: String(cause), errorUrls: [], vastError: VAST_ERROR_OF_CODE[code] } as const;
  return { ads: [], failures: [{ ...failure, adId: undefined }] };
}

function planResponse(response: TextResponse, ports: PluginPorts): readonly PlannedBreak[] {
  const base = response.url;
  if (response.status < 200 || response.status > 299)
    throw new AdError("upstream-status", `ad tag at ${base.href}: expected status 200, got ${response.status}`);
  if (response.text.trim() === "") return [planAlone("preroll", "start", { kind: "vast", vast: "", base })];
  const root = readXml(response.text, ports.readXml);
  if (!isNamed(root, "VMAP")) return [planAlone("preroll", "start", { kind: "vast", vast: root, base })];
  const { breaks } = parseVmap(root, base);
  return breaks
    .filter((adBreak) => adBreak.breakTypes.includes("linear"))
    .map((adBreak) => ({
      ...adBreak,
      position: selectPosition(adBreak.timeOffset),
      allowMultipleAds: adBreak.source.allowMultipleAds,
      followRedirects: adBreak.source.followRedirects,
      source: selectSource(adBreak, base),
    }));
}

function selectSource({ source, breakId }: AdBreak, base: URL): BreakSource {
  if (source.kind === "vast") return { kind: "vast", vast: source.vast, base };
  if (source.kind === "tag" && URL.canParse(source.url))
    return { kind: "tag", tag: { tag: new URL(source.url), parameters: { break: breakId } } };
  const message = `VMAP break ${breakId}: expected VASTAdData or AdTagURI, got ${source.kind}`;
  const failure = { reason: "no-ads", message, errorUrls: [], vastError: 303, adId: undefined } as const;
  return { kind: "result", result: { ads: [], failures: [failure] } };
}
