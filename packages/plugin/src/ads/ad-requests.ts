/**
 * Questions to the ad server, told as steps 1 and 2 of the workflow. Those that the start of the content waits for are asked before
 * anything else is loaded, so that the rest of the plugin comes meanwhile.
 *
 * @see primetime.md §3.3 steps 1 and 2
 */
import { encodeUrlPart, type FetchTextOptions, type TextResponse } from "@interlude/core";
import type { Emit } from "../events.ts";
import type { Settings } from "../options.ts";
import type { EntryPorts } from "../ports.ts";
import { type BreakPlace, describePlace, type MacroFiller } from "./macro-values.ts";

/** An ad tag before it is asked: `parameters` are added where it is the publisher's own ad server. */
export interface AdTag {
  readonly tag: URL;
  readonly parameters: Readonly<Record<string, string>>;
  /** Of the cue: `[#NAME]` in the tag. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** An ad tag that is being asked: its address with macros filled in, and the answer. */
export interface AskedTag {
  readonly url: Promise<URL>;
  readonly response: Promise<TextResponse>;
}

export interface AdRequests {
  /** The answer waits for the {@link askTag} of the same tag and break. */
  readonly askEarly: (tag: AdTag, breakId: string) => void;
  /** `hint`: the `prefetch` of the request, unless it has been asked early. */
  readonly askTag: (tag: AdTag, breakId: string, place?: BreakPlace, hint?: string) => AskedTag;
  /** Fills the macros of an address that a wrapper names. */
  readonly expand: (template: string, place: BreakPlace) => string | Promise<string>;
  readonly ask: (url: URL, limits: FetchTextOptions, breakId: string) => Promise<TextResponse>;
}

const MAX_BYTES = 2_000_000;

export function createAdRequests(
  settings: Settings,
  ports: EntryPorts,
  emit: Emit,
  filler: Pick<MacroFiller, "fill">,
): AdRequests {
  const early = new Map<string, AskedTag>();
  const ask: AdRequests["ask"] = async (url, limits, breakId) => {
    const step = { breakId, method: "GET", url: url.href } as const;
    const startedAt = ports.now();
    emit("workflowstep", { ...step, step: 1, title: "The client requests an ad from the ad server" });
    const response = await ports.fetchAds(url, limits);
    const ms = ports.now() - startedAt;
    emit("workflowstep", { ...step, step: 2, title: "The ad server returns the ad", status: response.status, ms });
    return response;
  };
  const addressOf = async ({ tag, parameters, attributes }: AdTag, place?: BreakPlace): Promise<URL> => {
    const url = new URL(await filler.fill(expandAttributes(tag.href, attributes), describePlace(place)));
    if (isOwnServer(url, settings))
      for (const [name, value] of Object.entries({ session: settings.session, ...parameters }))
        if (!url.searchParams.has(name)) url.searchParams.set(name, value);
    return url;
  };
  const askNow = (tag: AdTag, breakId: string, place?: BreakPlace): AskedTag => {
    const url = addressOf(tag, place);
    const limits = { timeoutMs: settings.adTimeoutMs, maxBytes: MAX_BYTES };
    return { url, response: url.then((address) => ask(address, limits, breakId)) };
  };
  return {
    ask,
    expand: (template, place) => filler.fill(template, describePlace(place)),
    askEarly: (tag, breakId) => {
      const asked = askNow(tag, breakId);
      // whoever takes it is told; a failure before that is not an unhandled one
      asked.response.catch(() => undefined);
      early.set(nameOf(tag, breakId), asked);
    },
    askTag: (tag, breakId, place, hint) => {
      const name = nameOf(tag, breakId);
      const parameters = hint ? { ...tag.parameters, prefetch: hint } : tag.parameters;
      const asked = early.get(name) ?? askNow({ ...tag, parameters }, breakId, place);
      early.delete(name);
      return asked;
    },
  };
}

function nameOf({ tag, parameters }: AdTag, breakId: string): string {
  return JSON.stringify([tag.href, parameters, breakId]);
}

/** Whether an address is of an ad server that the publisher names in the options: it is told session and break. */
function isOwnServer({ origin }: URL, { adTagUrl, breaks, livePreroll }: Settings): boolean {
  const sources = [livePreroll?.ads, ...breaks.map(({ ads }) => ads)];
  return (
    origin === adTagUrl?.origin || sources.some((source) => source?.kind === "tag" && source.url.origin === origin)
  );
}

/**
 * `[#NAME]`: the cue's attribute, percent-encoded; empty where the cue has none.
 *
 * @see primetime.md §1.8 (EXT-X-ASSET)
 */
function expandAttributes(tag: string, attributes: Readonly<Record<string, string>> = {}): string {
  return tag.replace(/\[#([\w-]{1,64})\]/g, (_macro, name: string) =>
    encodeUrlPart(attributes[name.toUpperCase()] ?? ""),
  );
}

/** The name of the pre-roll where no ad server and no page has named one. */
export const PRE_ROLL_ID = "preroll";

/** The tag that names all breaks; undefined where there is none, and where each break is asked for alone. */
export function scheduleTag({ adTagUrl, live, signaling, timeRanges }: Settings): AdTag | undefined {
  const isMapped = (signaling === "default" || signaling === "server-map") && !live;
  const hasOwnRanges = timeRanges !== undefined && timeRanges.type !== "delete";
  return adTagUrl && isMapped && !hasOwnRanges ? { tag: adTagUrl, parameters: {} } : undefined;
}

/** The tag of one break. */
export function breakTag(tag: URL, breakId: string): AdTag {
  return { tag, parameters: { break: breakId } };
}

/** Asks what the start of the content waits for, except where a resolver of the page is asked first. */
export function askEarly(settings: Settings, requests: AdRequests): void {
  const { adTagUrl, breaks, live, livePreroll, partialBreaks, resolvers, signaling, timeRanges } = settings;
  if (timeRanges?.type === "mark") return;
  const schedule = scheduleTag(settings);
  if (schedule) requests.askEarly(schedule, "");
  if (resolvers.length > 0) return;
  for (const { id, time, ads } of live ? [] : breaks)
    if (time === "start" && ads?.kind === "tag") requests.askEarly(breakTag(ads.url, id), id);
  const isByCues = signaling === "manifest-cues" && timeRanges?.type !== "replace";
  // whoever comes into an avail may see that instead of the pre-roll
  const preroll = live ? !partialBreaks && livePreroll?.ads : isByCues && adTagUrl && { kind: "tag", url: adTagUrl };
  if (preroll && preroll.kind === "tag") requests.askEarly(breakTag(preroll.url, PRE_ROLL_ID), PRE_ROLL_ID);
}
