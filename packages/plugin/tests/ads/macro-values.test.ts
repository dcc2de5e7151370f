import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { asksConsent, expandConsent } from "../../src/ads/consent-macros.ts";
import { createMacroFiller } from "../../src/ads/macro-values.ts";

const FILLER = createMacroFiller({
  session: "viewer-1",
  macros: {},
  consentTimeoutMs: 500,
  player: () => undefined,
  media: () => null,
  contentUrl: () => undefined,
  start: () => undefined,
});

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
