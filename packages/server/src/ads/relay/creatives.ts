/** The creatives of an answer, for whoever adds to them: repackage tickets, copies that are ready. */
import { attribute, isNamed, type MediaFile, parseMediaFileElement, textOf } from "@interlude/core";
import { fillContainer } from "./vast-order.ts";
import { createElement, elementsOf, mapNamed, type TreeElement, withNodes } from "./xml-tree.ts";

/** Which creative; texts are empty where the document does not say. */
export interface CreativePlace {
  /** Of a VMAP; "" in a VAST. */
  readonly breakId: string;
  readonly adId: string;
  readonly adSystem: string;
  readonly creativeId: string;
}

/**
 * Every `<Creative>` that has a `<Linear>`, of every in-line ad, in a VAST or in the VASTAdData of a VMAP, replaced by what `change`
 * makes of it; the same document where it changes nothing.
 */
export function mapCreatives(
  root: TreeElement,
  change: (creative: TreeElement, place: CreativePlace, version: string) => TreeElement,
): TreeElement {
  if (isNamed(root, "VAST")) return mapVast(root, "", change);
  return mapNamed(root, "AdBreak", (adBreak) =>
    mapNamed(adBreak, "AdSource", (source) =>
      mapNamed(source, "VASTAdData", (inline) =>
        mapNamed(inline, "VAST", (vast) => mapVast(vast, attribute(adBreak, "breakId") ?? "", change)),
      ),
    ),
  );
}

function mapVast(
  root: TreeElement,
  breakId: string,
  change: (creative: TreeElement, place: CreativePlace, version: string) => TreeElement,
): TreeElement {
  const version = attribute(root, "version") ?? "";
  return mapNamed(root, "Ad", (ad) =>
    mapNamed(ad, "InLine", (inline) =>
      mapNamed(inline, "Creatives", (creatives) =>
        mapNamed(creatives, "Creative", (creative) => {
          if (elementsOf(creative, "Linear").length === 0) return creative;
          const creativeId = attribute(creative, "id") ?? "";
          const place = { breakId, adId: attribute(ad, "id") ?? "", adSystem: textOf(inline, "AdSystem"), creativeId };
          return change(creative, place, version);
        }),
      ),
    ),
  );
}

/** A media file as core reads it, with its element. */
export interface FoundMediaFile {
  readonly element: TreeElement;
  readonly file: MediaFile;
}

/** The media files of a creative whose address can be used, in document order. */
export function listMediaFiles(creative: TreeElement): readonly FoundMediaFile[] {
  return elementsOf(creative, "Linear", "MediaFiles", "MediaFile").flatMap((element) => {
    const file = parseMediaFileElement(element);
    return file ? [{ element, file }] : [];
  });
}

/** The creative with these media files in place of its own, before whatever else its `<MediaFiles>` holds. */
export function withMediaFiles(creative: TreeElement, files: readonly TreeElement[]): TreeElement {
  return mapNamed(creative, "Linear", (linear) =>
    mapNamed(linear, "MediaFiles", (media) =>
      withNodes(media, [...files, ...media.nodes.filter((node) => !("nodes" in node && isNamed(node, "MediaFile")))]),
    ),
  );
}

/** @param version of the document, whose order of elements is kept */
export function withCreativeExtension(creative: TreeElement, extension: TreeElement, version: string): TreeElement {
  return fillContainer(creative, createElement("CreativeExtensions", {}), [extension], version);
}
