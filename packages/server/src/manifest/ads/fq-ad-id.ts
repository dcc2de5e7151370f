/**
 * The name of an ad with all wrappers that led to it: `VAST:system:ad:creative`, joined by `;`, outermost first. Wrappers are
 * known by their id alone.
 *
 * @see primetime.md §1.15 (FQ ad id)
 */
import type { Ad, Creative } from "@interlude/core";

export function formatFqAdId(ad: Ad, creative: Creative | undefined): string {
  const own = ["VAST", ad.adSystem, ad.id ?? "", ...(creative?.id === undefined ? [] : [creative.id])];
  const wrappers = ad.wrapperAdIds.map((id) => ["VAST", "", id]);
  return [...wrappers, own].map((parts) => parts.map(escape).join(":")).join(";");
}

function escape(part: string): string {
  return part.replace(/[%:;]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}
