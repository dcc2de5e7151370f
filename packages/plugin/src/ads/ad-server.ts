/**
 * The ad server as the client sees it: which breaks it schedules, and the ads of a break.
 *
 * @see primetime.md §3.3 steps 1 and 2; VMAP 1.0.1
 */
import {
  type AdBreak,
  AdError,
  type AdRequestOptions,
  type FetchText,
  isNamed,
  parseVmap,
  readXml,
  resolveVast,
  resolveVastText,
  type TextResponse,
  VAST_ERROR_OF_CODE,
  type VastResult,
} from "@interlude/core";
import type { Emit } from "../events.ts";
import type { AdsSource } from "../opportunity-options.ts";
import { type AdRequests, breakTag, PRE_ROLL_ID, scheduleTag } from "./ad-requests.ts";
import { formatHint } from "./next-break.ts";
import { type BreakSource, planAlone, type PlannedBreak, selectPosition } from "./planned-break.ts";
import type { Settings } from "../options.ts";
import type { PluginPorts } from "../ports.ts";

/** An avail of the content, or the pre-roll beside avails, that the ad tag is asked for alone. */
export type AvailOrder = Pick<
  PlannedBreak,
  "breakId" | "position" | "timeOffset" | "replaces" | "maxDuration" | "cue" | "isLive"
>;

export interface AdServer {
  /** The breaks that the page asks for itself. */
  readonly planOwn: () => readonly PlannedBreak[];
  /** All breaks that the ad tag names. An ad tag that fails is one break whose result is that failure. */
  readonly requestSchedule: () => Promise<readonly PlannedBreak[]>;
  /** The ads of one break; upstream faults are failures in the result. */
  readonly requestAds: (planned: PlannedBreak) => Promise<VastResult>;
  /** With the ad tag as the source of its ads; undefined where the page wants none for it, or nobody could have any. */
  readonly planAvail: (order: AvailOrder) => PlannedBreak | undefined;
  /** Before the live point; undefined where the page wants none. */
  readonly planPreroll: () => PlannedBreak | undefined;
}

/** What the ad server asks of the page. */
export interface AdServerDeps {
  readonly settings: Settings;
  readonly ports: PluginPorts;
  readonly requests: AdRequests;
  readonly emit: Emit;
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
}

export function createAdServer(deps: AdServerDeps): AdServer {
  const { settings, ports, requests } = deps;
  const base = new URL(ports.baseUrl);
  return {
    planOwn: () =>
      settings.breaks.map(({ id, time, ads }) =>
        planAlone(id, typeof time === "number" ? { seconds: time } : time, selectOwnSource(ads, id, base)),
      ),
    requestSchedule: async () => {
      const tag = scheduleTag(settings);
      if (!tag) return [];
      try {
        return planResponse(await requests.askTag(tag, "").response, ports);
      } catch (cause) {
        return [planAlone(PRE_ROLL_ID, "start", { kind: "result", result: createFailure(cause) })];
      }
    },
    requestAds: async (planned) => {
      const { breakId } = planned;
      const source = await selectBreakSource(planned, deps);
      if (source.kind === "result") return source.result;
      if (source.kind === "none") return failWith(`break ${breakId}: expected an ad tag or a resolver, got none`);
      if (source.kind === "hls") {
        const { createHlsAds } = await import("./hls-ads.ts");
        return { ads: createHlsAds(source.urls), failures: [] };
      }
      const options: AdRequestOptions = {
        timeoutMs: settings.adTimeoutMs,
        allowMultipleAds: planned.allowMultipleAds,
        followRedirects: planned.followRedirects,
        expandAddress: (template) => requests.expand(template, planned),
      };
      const { readXml, now } = ports;
      const fetchText: FetchText = (url, limits) => requests.ask(url, limits, breakId);
      if (source.kind === "vast")
        return resolveVastText(source.vast, source.base, { fetchText, readXml, now }, options);
      const next = settings.resolvers.length === 0 ? planned.next?.source : undefined;
      const hint = next?.kind === "tag" ? formatHint(source.tag, next.tag) : undefined;
      const asked = requests.askTag(source.tag, breakId, planned, hint);
      const first = await asked.url;
      const fetchFirst: FetchText = (url, limits) => (url === first ? asked.response : fetchText(url, limits));
      return resolveVast(first, { fetchText: fetchFirst, readXml, now }, options);
    },
    planAvail: (order) => {
      if (!wantsAvail(order, settings)) return undefined;
      const { breakId, timeOffset, maxDuration, cue } = order;
      const length = maxDuration ? { duration: String(Math.round(maxDuration * 1000) / 1000) } : {};
      const parameters = { break: breakId, ...length };
      const { adTagUrl: tag } = settings;
      const source = tag && ({ kind: "tag", tag: { tag, parameters, attributes: cue?.attributes ?? {} } } as const);
      return { ...planAlone(breakId, timeOffset, source ?? { kind: "none" }), ...order };
    },
    planPreroll: () => {
      if (!settings.livePreroll || settings.timeRanges?.type === "mark") return undefined;
      const source = selectOwnSource(settings.livePreroll.ads, PRE_ROLL_ID, base);
      return { ...planAlone(PRE_ROLL_ID, "start", source), isLive: true };
    },
  };
}

function wantsAvail(order: AvailOrder, { adTagUrl, resolvers, signaling, timeRanges }: Settings): boolean {
  if (!adTagUrl && resolvers.length === 0) return false;
  const isByCues = signaling === "default" || signaling === "manifest-cues";
  return !order.isLive || (isByCues && timeRanges?.type !== "mark");
}

/** The page's own resolvers go before the source that a break has. */
async function selectBreakSource(
  planned: PlannedBreak,
  { settings, ports, emit, ended }: AdServerDeps,
): Promise<BreakSource> {
  const { resolvers, adTimeoutMs } = settings;
  if (resolvers.length === 0) return planned.source;
  const { resolveSource } = await import("./resolver.ts");
  return resolveSource(planned, { resolvers, timeoutMs: adTimeoutMs, baseUrl: ports.baseUrl, emit, ended });
}

function selectOwnSource(ads: AdsSource | undefined, breakId: string, base: URL): BreakSource {
  if (!ads) return { kind: "none" };
  if (ads.kind === "vast") return { ...ads, base };
  return ads.kind === "tag" ? { kind: "tag", tag: breakTag(ads.url, breakId) } : ads;
}

function failWith(message: string): VastResult {
  return { ads: [], failures: [{ reason: "no-ads", message, errorUrls: [], vastError: 303, adId: undefined }] };
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
  if (response.text.trim() === "") return [planAlone(PRE_ROLL_ID, "start", { kind: "vast", vast: "", base })];
  const root = readXml(response.text, ports.readXml);
  if (!isNamed(root, "VMAP")) return [planAlone(PRE_ROLL_ID, "start", { kind: "vast", vast: root, base })];
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
  return { kind: "result", result: failWith(message) };
}
