/**
 * Whether an ad of an answer has a film that a player could show: an overlay, a script or a creative without media files fills no break.
 *
 * @see VAST 4.3 §3.8 (NonLinearAds), §3.9.1 (MediaFile), §3.9.3 (InteractiveCreativeFile)
 */
import {
  attribute,
  type Creative,
  parseVast,
  rankMediaFiles,
  selectNoMediaReason,
  VAST_ERROR_OF_SKIP,
  type XmlElement,
} from "@interlude/core";
import type { TreeFailure } from "./chain.ts";
import { listMediaFiles } from "./creatives.ts";
import { type PlacedAd, splitPod } from "./pod-tree.ts";
import { elementsOf, type TreeElement } from "./xml-tree.ts";

/** "Video player expecting different linearity." @see VAST 4.3 §2.3.6.3 */
const NOT_LINEAR = 201;

/**
 * What a break can count on: its pod, where any ad of it has a film; else the first with one of those that stand by. Empty: no fill.
 *
 * @param mediaTypes the zone's order; empty is the usual one
 */
export function selectOffered(ads: readonly PlacedAd[], mediaTypes: readonly string[]): readonly PlacedAd[] {
  const { pod, standIns } = splitPod(ads);
  const isFilm = (creative: TreeElement): boolean => {
    const mediaFiles = listMediaFiles(creative).map(({ file }) => file);
    return rankMediaFiles({ mediaFiles }, mediaTypes).length > 0;
  };
  const hasFilm = ({ element }: PlacedAd): boolean =>
    elementsOf(element, "InLine", "Creatives", "Creative").some(isFilm);
  return pod.some(hasFilm) ? pod : standIns.filter(hasFilm).slice(0, 1);
}

/** Why an ad without a film is none, with the addresses that want to know where no player gets it. */
export function explainFilmless({ element }: PlacedAd): TreeFailure {
  const [film] = readFilms(element);
  const adId = attribute(element, "id");
  const reason = film ? selectNoMediaReason(film) : "no-media-file";
  return {
    reason,
    vastError: film ? VAST_ERROR_OF_SKIP[reason] : NOT_LINEAR,
    message: `VAST ad ${adId?.slice(0, 100) ?? ""}: expected a film that can be played, got ${film ? "none" : "no linear creative"}`,
    adId,
    errorUrls: elementsOf(element, "InLine", "Error").map(({ text }) => text.trim()),
  };
}

/** The linear creatives, as far as their media files go. */
function readFilms(ad: TreeElement): readonly Creative[] {
  const linears = elementsOf(ad, "InLine", "Creatives", "Creative", "Linear");
  const creatives = linears.map((linear) =>
    element("Creative", element("Linear", ...elementsOf(linear, "MediaFiles"))),
  );
  const vast = element("VAST", element("Ad", element("InLine", element("Creatives", ...creatives))));
  return parseVast(vast).ads.flatMap((found) => found.ad.creatives);
}

function element(name: string, ...children: readonly XmlElement[]): XmlElement {
  return { name, attributes: {}, children, text: "" };
}
