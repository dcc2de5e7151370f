/**
 * The macros of ad requests and beacons: what a page knows of itself, of its player and of its viewer, what the publisher adds, and
 * consent where a URL asks for it. Whatever is not known is -1.
 *
 * @see VAST 4.3 §6, and the list that the IAB Tech Lab keeps beside it
 */
import { DEFAULT_MEDIA_TYPES, expandMacros, type MacroOverrides, type MacroValues } from "@interlude/core";
import { isFullscreen, isMuted, type StartCause } from "../viewing/media-state.ts";
import type { BreakPosition } from "../events.ts";
import type { Consent } from "./consent.ts";
import { asksConsent, type ConsentSignals, describeConsent, expandConsent } from "./consent-macros.ts";

export interface MacroFiller {
  /**
   * At once, unless the template asks for consent that is still being read. Never rejects.
   *
   * @param own values of names that the standard does not have
   */
  readonly fill: (template: string, values: MacroValues, own?: MacroOverrides) => string | Promise<string>;
  /** At once, with what is known of consent by now. */
  readonly fillNow: (template: string, values: MacroValues, own?: MacroOverrides) => string;
  /** Takes what listens to consent platforms away. */
  readonly release: () => void;
}

export interface MacroDeps {
  readonly session: string;
  /** The publisher's own: they go before all others. */
  readonly macros: MacroOverrides;
  /** How long a URL may wait for a consent platform. */
  readonly consentTimeoutMs: number;
  /** "hls.js"; undefined: not known. */
  readonly player: () => string | undefined;
  /** Null while the player has none. */
  readonly media: () => HTMLMediaElement | null | undefined;
  readonly contentUrl: () => string | undefined;
  readonly start: () => StartCause;
}

/** Name and version of this package, as its package.json has them. */
const CLIENT = "Interlude/0.1.0";

/** VAST 2.0 to 4.3, in-line and wrapper, as AdCOM's list of creative subtypes numbers them. */
const VAST_VERSIONS = [2, 3, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16] as const;

/** AdCOM's list of placement subtypes: in the stream. */
const IN_STREAM = 1;

const PLAYBACK_METHOD = { autoplay: 1, "muted-autoplay": 2, click: 3 } as const;
const INVENTORY_STATE = { autoplay: ["autoplayed"], "muted-autoplay": ["mautoplayed"], click: [] } as const;

/** What {@link createMacroFiller} loads when a URL asks for consent. */
interface ConsentPart {
  readonly createConsent: (timeoutMs: number) => Consent;
}

export function createMacroFiller(
  deps: MacroDeps,
  loadPart: () => Promise<ConsentPart> = () => import("./consent.ts"),
): MacroFiller {
  let consent: Consent | undefined;
  let loading: Promise<Consent | undefined> | undefined;
  let isReleased = false;
  /** Once waited for in vain, it is taken when it comes, and not waited for. */
  let isMissing = false;

  const expand = (template: string, values: MacroValues, own: MacroOverrides, signals: ConsentSignals): string => {
    const known = { ...describePage(deps), ...describeConsent(signals), ...values };
    return expandConsent(expandMacros(template, known, { ...own, ...deps.macros }), signals);
  };
  const load = async (): Promise<Consent | undefined> => {
    const { createConsent } = await loadPart();
    if (!isReleased) consent = createConsent(deps.consentTimeoutMs);
    return consent;
  };
  const fillNow: MacroFiller["fillNow"] = (template, values, own = {}) =>
    expand(template, values, own, consent?.current() ?? {});
  const fillLater = async (template: string, values: MacroValues, own: MacroOverrides = {}): Promise<string> => {
    // a part that cannot be loaded is a platform that does not answer
    loading ??= load().catch(() => undefined);
    await settleWithin(
      loading.then((found) => found?.ask()),
      deps.consentTimeoutMs,
    );
    isMissing = !consent;
    return fillNow(template, values, own);
  };
  return {
    fillNow,
    fill: (template, values, own) => {
      if (!asksConsent(template) || isReleased || (isMissing && !consent)) return fillNow(template, values, own);
      return consent && !consent.ask() ? fillNow(template, values, own) : fillLater(template, values, own);
    },
    release: () => {
      isReleased = true;
      consent?.release();
    },
  };
}

async function settleWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isOver = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, isOver]);
  clearTimeout(timer);
}

/** As VAST numbers them; an avail of live content is within it. */
export const BREAK_POSITION: Readonly<Record<BreakPosition, number>> = { pre: 1, mid: 2, post: 3, live: 2 };

/** What an ad request tells of the break that it is for; seconds. */
export interface BreakPlace {
  readonly position: BreakPosition;
  readonly maxDuration?: number | undefined;
  /** Of the content. */
  readonly contentTime?: number | "end" | undefined;
}

/** What is known of a break while its ads are asked for. */
export function describePlace(place: BreakPlace | undefined): MacroValues {
  if (!place) return {};
  const { position, maxDuration, contentTime } = place;
  const playhead = typeof contentTime === "number" ? contentTime : undefined;
  return {
    BREAKPOSITION: BREAK_POSITION[position],
    BREAKMAXDURATION: maxDuration && Math.floor(maxDuration),
    MEDIAPLAYHEAD: playhead,
    CONTENTPLAYHEAD: playhead,
  };
}

/** A random integer below 10⁸. */
function createCacheBuster(): number {
  return Math.floor(Math.random() * 1e8);
}

function describePage({ session, player, media, contentUrl, start }: MacroDeps): MacroValues {
  const page = readPageUrl();
  const element = media();
  const started = start();
  const size = element && [element.clientWidth, element.clientHeight];
  return {
    TIMESTAMP: new Date(),
    CACHEBUSTING: createCacheBuster(),
    TRANSACTIONID: session,
    PAGEURL: page?.href,
    DOMAIN: page?.hostname ?? readTopDomain(),
    CLIENTUA: `${player() ?? "unknown"} ${CLIENT}`,
    DEVICEUA: globalThis.navigator?.userAgent,
    SERVERSIDE: 0,
    PLACEMENTTYPE: IN_STREAM,
    ADTYPE: "video",
    VASTVERSIONS: VAST_VERSIONS,
    APIFRAMEWORKS: [],
    EXTENSIONS: [],
    VERIFICATIONVENDORS: [],
    MEDIAMIME: DEFAULT_MEDIA_TYPES,
    PLAYERCAPABILITIES: ["mute", ...(globalThis.document?.fullscreenEnabled ? ["fullscreen"] : [])],
    PLAYERSIZE: size ?? undefined,
    PLAYERSTATE: element ? describeState(element) : undefined,
    PLAYBACKMETHODS: started && PLAYBACK_METHOD[started],
    INVENTORYSTATE: started && INVENTORY_STATE[started],
    CONTENTURI: contentUrl(),
    LIMITADTRACKING: readOptOut(),
  };
}

function describeState(media: HTMLMediaElement): readonly string[] {
  return [...(isMuted(media) ? ["muted"] : []), ...(isFullscreen(media) ? ["fullscreen"] : [])];
}

/** Of the top-level page; a frame of another origin knows it only as its referrer, mostly without a path. */
function readPageUrl(): URL | undefined {
  if (globalThis.window === undefined) return undefined;
  const { top, parent, document, location } = window;
  try {
    return new URL(top?.location.href ?? location.href);
  } catch {
    return parent === top && URL.canParse(document.referrer) ? new URL(document.referrer) : undefined;
  }
}

/** Chromium and Safari tell a frame the origins above it. */
function readTopDomain(): string | undefined {
  const origin = Array.from(globalThis.location?.ancestorOrigins ?? []).at(-1);
  return origin !== undefined && URL.canParse(origin) ? new URL(origin).hostname : undefined;
}

/** Global Privacy Control is the one such setting that a browser has; without it nothing is known. */
function readOptOut(): boolean | undefined {
  return Reflect.get(globalThis.navigator ?? {}, "globalPrivacyControl") === true ? true : undefined;
}
