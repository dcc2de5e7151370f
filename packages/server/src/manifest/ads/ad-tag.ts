/** The addresses that are asked for ads: a zone's tag, and those of the breaks that an ad server has placed. */
import { AdError, expandMacros, type MacroValues } from "@interlude/core";
import { type AdPlace, buildAdUrl } from "./ad-macros.ts";

/** The call that they belong to; `tagUrl` is the zone's. */
export interface TagContext {
  readonly call: AdPlace & { readonly tagUrl: string; readonly baseUrl: URL };
  readonly macros: MacroValues;
}

/** @throws AdError `url-malformed` */
export function buildTag(tagUrl: string, { call, macros }: TagContext): URL {
  try {
    return buildAdUrl(tagUrl, call, macros, call.baseUrl);
  } catch (cause) {
    throw new AdError("url-malformed", `ad tag: expected a URL, got ${JSON.stringify(tagUrl.slice(0, 200))}`, {
      cause,
    });
  }
}

/**
 * A tag of the ad server that placed the break is told all that its map was told; any other gets its macros.
 *
 * @throws AdError `url-malformed`
 */
export function buildBreakTag(tagUrl: string, asking: TagContext): URL {
  const { call, macros } = asking;
  const tag = URL.canParse(tagUrl) ? new URL(tagUrl) : undefined;
  if (tag?.origin === new URL(call.tagUrl, call.baseUrl).origin) return buildTag(tagUrl, asking);
  const expanded = expandMacros(tagUrl, macros);
  if (URL.canParse(expanded)) return new URL(expanded);
  throw new AdError("url-malformed", `VMAP: expected an http(s) AdTagURI, got ${JSON.stringify(tagUrl.slice(0, 200))}`);
}
