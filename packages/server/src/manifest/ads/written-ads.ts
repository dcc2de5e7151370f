/**
 * Ads as they are written into playlists where the client named `cdn_…` rules: their segments come from where the operator's rules
 * move them, the content's own CDN say.
 *
 * @see primetime.md §1.13
 */
import { type MediaPlaylist, parseMediaPlaylist, type PodAd } from "@interlude/core";
import { resolveUris } from "../content/absolute-uris.ts";
import { applyRules } from "./rewrite-rules.ts";
import type { RewriteRule } from "../zone-manifest.ts";

/** Gives the ad with its addresses rewritten; the very ad where no rule is for that. */
export type WriteAd = (ad: PodAd, rules: readonly RewriteRule[], names: readonly string[]) => PodAd;

/** Ways in which one playlist is rewritten at most. */
const MAX_VIEWS = 50;

/** Each playlist is rewritten once for all viewers who name the same rules. */
export function createAdWriter(): WriteAd {
  const views = new WeakMap<MediaPlaylist, Map<string, MediaPlaylist>>();
  const rewrite = (playlist: MediaPlaylist, url: URL, key: string, write: (uri: string) => string): MediaPlaylist => {
    const known = views.get(playlist) ?? new Map<string, MediaPlaylist>();
    views.set(playlist, known);
    const view = known.get(key) ?? parseMediaPlaylist(resolveUris(playlist.text, url, write));
    if (known.size < MAX_VIEWS) known.set(key, view);
    return view;
  };
  return (ad, rules, names) => {
    const applied = names.filter((name) => name.startsWith("cdn_") && rules.some((rule) => rule.name === name));
    if (applied.length === 0) return ad;
    const write = (uri: string): string => applyRules(uri, rules, applied, "cdn");
    const key = JSON.stringify(applied.map((name) => rules.find((rule) => rule.name === name)));
    return {
      ...ad,
      renditions: ad.renditions.map((rendition) => {
        return { ...rendition, playlist: rewrite(rendition.playlist, rendition.url, key, write) };
      }),
    };
  };
}
