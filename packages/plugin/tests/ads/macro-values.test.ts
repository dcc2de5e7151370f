import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Consent } from "../../src/ads/consent.ts";
import { asksConsent, expandConsent } from "../../src/ads/consent-macros.ts";
import { createMacroFiller, type MacroDeps } from "../../src/ads/macro-values.ts";

const DEPS: MacroDeps = {
  session: "viewer-1",
  macros: {},
  consentTimeoutMs: 500,
  player: () => undefined,
  media: () => null,
  contentUrl: () => undefined,
  start: () => undefined,
};
const FILLER = createMacroFiller(DEPS);

test("CLIENTUA names the player and this package's version", () => {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(text);
  expect(decodeURIComponent(FILLER.fillNow("[CLIENTUA]", {}))).toBe(`unknown Interlude/${version}`);
});

test("without a page nothing of it is known, and nothing breaks", () => {
  expect(FILLER.fillNow("[PAGEURL] [DOMAIN] [PLAYERSIZE] [LIMITADTRACKING]", {})).toBe("-1 -1 -1 -1");
});

describe("asksConsent", () => {
  test.each(["[GDPRCONSENT]", "[REGULATIONS]", "[GPPSTRING]", "[GPPSECTIONID]", "${GDPR}", "${GDPR_CONSENT_755}"])(
    "%s does",
    (macro) => {
      expect([asksConsent(`https://t.example/?x=${macro}`), asksConsent(`https://t.example/?x=${macro}`)]).toEqual([
        true,
        true,
      ]);
    },
  );

  test.each(["[LIMITADTRACKING]", "[TIMESTAMP]", "${OTHER}", "$GDPR", "GDPRCONSENT"])("%s does not", (text) => {
    expect(asksConsent(`https://t.example/?x=${text}`)).toBe(false);
  });
});

test("the frameworks' own macros are empty where nothing is known", () => {
  expect(expandConsent("a=${GDPR}&b=${US_PRIVACY}&c=${GPP_STRING_12}&d=${OTHER}", {})).toBe("a=&b=&c=&d=${OTHER}");
});

test("half a surrogate pair in a consent string does not cost the URL", () => {
  expect(expandConsent("c=${GDPR_CONSENT}", { tcString: "CP\uD800x" })).toBe("c=CP%EF%BF%BDx");
});

describe("where the part that reads consent", () => {
  const TEMPLATE = "https://t.example/?c=[GDPRCONSENT]";
  const UNKNOWN = "https://t.example/?c=-1";
  const never = new Promise<never>(() => undefined);

  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("does not come, a URL waits as long as for a platform, and those after it do not wait", async () => {
    const filler = createMacroFiller(DEPS, () => never);
    const filled = Promise.all([filler.fill(TEMPLATE, {}), filler.fill(TEMPLATE, {})]);
    await vi.advanceTimersByTimeAsync(500);
    expect(await Promise.race([filled, "waiting"])).toEqual([UNKNOWN, UNKNOWN]);
    expect(filler.fill(TEMPLATE, {})).toBe(UNKNOWN);
  });

  test("cannot be loaded, a URL goes at once", async () => {
    const filler = createMacroFiller(DEPS, () => Promise.reject(new Error("404")));
    const filled = filler.fill(TEMPLATE, {});
    await vi.advanceTimersByTimeAsync(0);
    expect(await Promise.race([filled, "waiting"])).toBe(UNKNOWN);
    expect(filler.fill(TEMPLATE, {})).toBe(UNKNOWN);
  });

  test("comes late, the platform gets only what is left of the time", async () => {
    const createConsent = (): Consent => ({ current: () => ({}), ask: () => never, release: () => undefined });
    const load = (): Promise<{ createConsent: typeof createConsent }> =>
      new Promise((resolve) => setTimeout(() => resolve({ createConsent }), 400));
    const filled = createMacroFiller(DEPS, load).fill(TEMPLATE, {});
    await vi.advanceTimersByTimeAsync(500);
    expect(await Promise.race([filled, "waiting"])).toBe(UNKNOWN);
  });
});
