/**
 * What the wrappers on the way add to an ad.
 *
 * @see VAST 4.3 §2.4.3.4 (trackers of wrappers), §3.11.1 (icons); primetime.md §4.11 (companions)
 */
import type { Ad, Companion, Icon } from "./ad.ts";

/**
 * The ad with the impressions, errors and trackers of its wrappers, outermost first. An icon of a wrapper is added unless one
 * nearer to the ad has its program. A companion of a wrapper is added where it has something to show and the ad has none of its
 * size; without anything to show, its trackers join the ad's companions of that size (of all sizes where it names none).
 *
 * @param wrappers outermost first; empty returns an equal ad
 */
export function mergeWrappers(ad: Ad, wrappers: readonly Ad[]): Ad {
  const gather = <T>(own: readonly T[], pick: (wrapper: Ad) => readonly T[]): readonly T[] => [
    ...wrappers.flatMap(pick),
    ...own,
  ];
  const linear = wrappers.flatMap((wrapper) => wrapper.creatives);
  return {
    ...ad,
    impressions: gather(ad.impressions, (wrapper) => wrapper.impressions),
    errors: gather(ad.errors, (wrapper) => wrapper.errors),
    wrapperAdIds: wrappers.flatMap((wrapper) => wrapper.id ?? []),
    companions: mergeCompanions(
      ad.companions,
      wrappers.flatMap((wrapper) => wrapper.companions),
    ),
    creatives: ad.creatives.map((creative) => ({
      ...creative,
      trackers: [...linear.flatMap((added) => added.trackers), ...creative.trackers],
      clickTrackers: [...linear.flatMap((added) => added.clickTrackers), ...creative.clickTrackers],
      icons: linear.toReversed().reduce((icons, added) => mergeIcons(icons, added.icons), creative.icons),
    })),
  };
}

function mergeIcons(near: readonly Icon[], far: readonly Icon[]): readonly Icon[] {
  const programs = new Set(near.map((icon) => icon.program));
  return [...near, ...far.filter((icon) => icon.program === undefined || !programs.has(icon.program))];
}

function mergeCompanions(own: readonly Companion[], added: readonly Companion[]): readonly Companion[] {
  const isSameSize = (a: Companion, b: Companion): boolean => a.width === b.width && a.height === b.height;
  const tracking = added.filter((companion) => companion.resources.length === 0);
  const shown = added.filter(
    (companion) => companion.resources.length > 0 && !own.some((mine) => isSameSize(mine, companion)),
  );
  const tracked = own.map((mine) => {
    const joining = tracking.filter((companion) => companion.width === undefined || isSameSize(mine, companion));
    return {
      ...mine,
      clickTrackers: [...joining.flatMap((companion) => companion.clickTrackers), ...mine.clickTrackers],
      trackers: [...joining.flatMap((companion) => companion.trackers), ...mine.trackers],
    };
  });
  return [...tracked, ...shown];
}
