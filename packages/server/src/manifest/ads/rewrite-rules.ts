/**
 * Named find-and-replace rules over URLs: `adfetch_…` changes what is fetched of ads, `cdn_…` what is written into playlists.
 *
 * The expressions are the operator's own; only the URLs come from outside, and a long one is left as it is.
 *
 * @see primetime.md §1.13
 */
import { AdError } from "@interlude/core";
import type { RewriteRule } from "../zone-manifest.ts";

/** Longer URLs are not rewritten: what an expression costs may grow with them. */
const MAX_URL = 4096;

const compiled = new WeakMap<RewriteRule, RegExp>();

/**
 * Applies the rules that the client named (`ptprotoswitch`), in its order; of each the first match is replaced, `$1` … `$9` stand
 * for its groups. A name without a rule, or of another use, does nothing. A result that is no http(s) URL is not used.
 *
 * @throws AdError `option-invalid` as {@link checkRules} does, for a rule that was never checked
 */
export function applyRules(
  url: string,
  rules: readonly RewriteRule[],
  names: readonly string[],
  use: "adfetch" | "cdn",
): string {
  if (names.length === 0 || rules.length === 0 || url.length > MAX_URL) return url;
  return names
    .filter((name) => name.startsWith(`${use}_`))
    .flatMap((name) => rules.find((rule) => rule.name === name) ?? [])
    .reduce((text, rule) => applyRule(text, rule), url);
}

/**
 * For the loading of a configuration.
 *
 * @throws AdError `option-invalid` naming the rule: no name of a known use, a name given twice, no regular expression
 */
export function checkRules(rules: readonly RewriteRule[]): void {
  const names = new Set<string>();
  for (const rule of rules) {
    const { name } = rule;
    if (!/^(?:adfetch|cdn)_[\w-]{1,64}$/.test(name))
      throw wrong(name, "a name such as adfetch_x or cdn_x", JSON.stringify(name));
    if (names.has(name)) throw wrong(name, "a name that the list does not have yet", "it twice");
    names.add(name);
    compile(rule);
  }
}

/** The rules that a bootstrap query names. */
export function readRuleNames(query: string): readonly string[] {
  const names = new URLSearchParams(query).get("ptprotoswitch") ?? "";
  return names
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
}

function applyRule(url: string, rule: RewriteRule): string {
  const result = url.replace(compile(rule), rule.replace);
  return /^https?:\/\//i.test(result) && URL.canParse(result) ? result : url;
}

function compile(rule: RewriteRule): RegExp {
  const known = compiled.get(rule);
  if (known) return known;
  try {
    const expression = new RegExp(rule.find);
    compiled.set(rule, expression);
    return expression;
  } catch (cause) {
    throw wrong(rule.name, "a regular expression", cause instanceof Error ? cause.message : rule.find, cause);
  }
}

function wrong(name: string, expected: string, got: string, cause?: unknown): AdError {
  return new AdError("option-invalid", `rewrite rule ${name}: expected ${expected}, got ${got}`, { cause });
}
