/**
 * What a URL may ask of the viewer's consent: VAST's macros, and those that the consent frameworks define themselves.
 *
 * @see VAST 4.3 §6 (GDPRCONSENT, REGULATIONS, GPPSTRING, GPPSECTIONID); TCF v2 "URL-based services" (`${GDPR}`,
 * `${GDPR_CONSENT_123}`); GPP (`${GPP_STRING_123}`, `${GPP_SID}`); US Privacy (`${US_PRIVACY}`)
 */
import { encodeUrlPart, type MacroValues } from "@interlude/core";

/** What the page's consent platforms say; undefined: not known. Strings are handed on as they are. */
export interface ConsentSignals {
  readonly gdprApplies?: boolean | undefined;
  readonly tcString?: string | undefined;
  /** Google's Additional Consent, beside TCF. */
  readonly addtlConsent?: string | undefined;
  readonly gppString?: string | undefined;
  readonly gppSections?: readonly number[] | undefined;
  readonly usPrivacy?: string | undefined;
}

const VAST_MACRO = /\[(?:GDPRCONSENT|REGULATIONS|GPPSTRING|GPPSECTIONID)\]/;
const OWN_MACRO = /\$\{(GDPR|GDPR_CONSENT|ADDTL_CONSENT|GPP_STRING|GPP_SID|US_PRIVACY)(?:_\d+)?\}/g;

/** Consent is read only for URLs of which this is true. */
export function asksConsent(template: string): boolean {
  return VAST_MACRO.test(template) || template.search(OWN_MACRO) >= 0;
}

/** VAST's macros. */
export function describeConsent({ gdprApplies, tcString, gppString, gppSections }: ConsentSignals): MacroValues {
  const regulations = gdprApplies ? ["gdpr"] : [];
  return {
    REGULATIONS: gdprApplies === undefined ? undefined : regulations,
    GDPRCONSENT: tcString,
    GPPSTRING: gppString,
    GPPSECTIONID: gppSections,
  };
}

/** The frameworks' own macros; what is not known is empty, since -1 would be read as a string. */
export function expandConsent(template: string, signals: ConsentSignals): string {
  const { gdprApplies, tcString, addtlConsent, gppString, gppSections, usPrivacy } = signals;
  const values = new Map([
    ["GDPR", gdprApplies === undefined ? undefined : String(Number(gdprApplies))],
    ["GDPR_CONSENT", tcString],
    ["ADDTL_CONSENT", addtlConsent],
    ["GPP_STRING", gppString],
    ["GPP_SID", gppSections?.join(",")],
    ["US_PRIVACY", usPrivacy],
  ]);
  return template.replace(OWN_MACRO, (_macro, name: string) => encodeUrlPart(values.get(name) ?? ""));
}
