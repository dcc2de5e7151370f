/**
 * What the viewer has consented to, as the page's consent platforms say it: TCF v2, GPP and US Privacy, in the page itself or in a
 * frame above it that says where it answers. Loaded and asked only where a URL has a macro for it.
 *
 * Platforms are code of others: what they answer is checked, and nothing that they do gets into the page or holds a request up.
 *
 * @see TCF v2 CMP API; GPP CMP API 1.1; US Privacy API 1.0 ("in iframes": locator frames and postMessage)
 */
import type { ConsentSignals } from "./consent-macros.ts";
import { readMember } from "../json.ts";
import { createDeferred } from "../deferred.ts";
import { type ConsentCall, findApi } from "./consent-api.ts";

export interface Consent {
  /** What is known by now. */
  readonly current: () => ConsentSignals;
  /**
   * Asks every platform that is there and has not been asked.
   *
   * @returns undefined where there is nothing to wait for; else settles, and never rejects, with the last answer or when the time is up
   */
  readonly ask: () => Promise<void> | undefined;
  /** Takes every listener away. */
  readonly release: () => void;
}

/** Asks one platform until it is known; `update` may be called again with each change of mind. */
interface Framework {
  readonly api: "__tcfapi" | "__gpp" | "__uspapi";
  /** What it says to the callback of its first command: the signals, and whether they are final. */
  readonly read: (answer: unknown, success: unknown) => Reading | undefined;
  readonly command: string;
  readonly version: number | string;
  /** How its listener is taken away; undefined where it has none. */
  readonly remove: string | undefined;
}

interface Reading {
  readonly signals: ConsentSignals;
  /** False while the viewer is still being asked. */
  readonly isKnown: boolean;
}

/** Strings beyond this are no consent strings. */
const MAX_LENGTH = 8192;
const MAX_SECTIONS = 50;

const FRAMEWORKS: readonly Framework[] = [
  { api: "__tcfapi", command: "addEventListener", version: 2, remove: "removeEventListener", read: readTcf },
  { api: "__gpp", command: "addEventListener", version: "1.1", remove: "removeEventListener", read: readGpp },
  { api: "__uspapi", command: "getUSPData", version: 1, remove: undefined, read: readUsp },
];

/** @param timeoutMs how long {@link Consent.ask} may wait for one platform */
export function createConsent(timeoutMs: number): Consent {
  const asked = new Map<Framework["api"], Listening>();
  let signals: ConsentSignals = {};
  let isReleased = false;
  const onSignals = (more: ConsentSignals): void => {
    signals = { ...signals, ...more };
  };
  return {
    current: () => signals,
    ask: () => {
      if (isReleased) return undefined;
      for (const framework of FRAMEWORKS) {
        const call = asked.has(framework.api) ? undefined : findApi(framework.api);
        if (call) asked.set(framework.api, listen(framework, call, timeoutMs, onSignals));
      }
      const open = [...asked.values()].filter(({ isSettled }) => !isSettled());
      return open.length === 0 ? undefined : Promise.all(open.map(({ settled }) => settled)).then(() => undefined);
    },
    release: () => {
      isReleased = true;
      for (const { release } of asked.values()) release();
      asked.clear();
    },
  };
}

/** One platform that was asked. */
interface Listening {
  /** Resolves with the last answer, or when the time is up. */
  readonly settled: Promise<void>;
  readonly isSettled: () => boolean;
  readonly release: () => void;
}

function listen(
  { command, version, remove, read }: Framework,
  call: ConsentCall,
  timeoutMs: number,
  onSignals: (signals: ConsentSignals) => void,
): Listening {
  const { promise: settled, resolve } = createDeferred<void>();
  let state: "open" | "settled" | "released" = "open";
  let listenerId: unknown;
  const settle = (): void => {
    clearTimeout(timer);
    if (state === "open") state = "settled";
    resolve();
  };
  const timer = setTimeout(settle, timeoutMs);
  const giveBack = (): void => {
    if (remove && listenerId !== undefined) call(remove, version, listenerId, () => undefined)();
    // one that is not named yet is, with its first answer
    if (!remove || listenerId !== undefined) end();
  };
  const end = call(command, version, undefined, (answer, success) => {
    listenerId ??= readMember(answer, "listenerId");
    if (state === "released") return giveBack();
    const reading = read(answer, success);
    if (!reading) return;
    onSignals(reading.signals);
    if (reading.isKnown) settle();
  });
  return {
    settled,
    isSettled: () => state !== "open",
    release: () => {
      state = "released";
      settle();
      giveBack();
    },
  };
}

/** @see TCF v2 `TCData`: `cmpuishown` means that the viewer is still being asked */
function readTcf(answer: unknown, success: unknown): Reading | undefined {
  if (success === false) return undefined;
  const gdprApplies = readMember(answer, "gdprApplies");
  const status = readMember(answer, "eventStatus");
  const applies = typeof gdprApplies === "boolean" ? gdprApplies : undefined;
  if (status !== "tcloaded" && status !== "useractioncomplete" && applies !== false)
    return { signals: { gdprApplies: applies }, isKnown: false };
  const tcString = readText(readMember(answer, "tcString"));
  const addtlConsent = readText(readMember(answer, "addtlConsent"));
  return { signals: { gdprApplies: applies, tcString, addtlConsent }, isKnown: true };
}

/** @see GPP 1.1 `PingReturn`, which each event of a listener carries */
function readGpp(answer: unknown, success: unknown): Reading | undefined {
  const ping = readMember(answer, "pingData");
  if (success === false || readMember(ping, "signalStatus") !== "ready") return undefined;
  const sections = readMember(ping, "applicableSections");
  const numbers = Array.isArray(sections) ? sections.slice(0, MAX_SECTIONS) : [];
  const gppSections = numbers.filter((section) => typeof section === "number" && section > 0);
  return { signals: { gppString: readText(readMember(ping, "gppString")), gppSections }, isKnown: true };
}

/** @see US Privacy API, `uspString` */
function readUsp(answer: unknown, success: unknown): Reading | undefined {
  if (success === false) return undefined;
  return { signals: { usPrivacy: readText(readMember(answer, "uspString")) }, isKnown: true };
}

function readText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= MAX_LENGTH ? value : undefined;
}
