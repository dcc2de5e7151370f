/**
 * What this server adds to the creatives of an answer: the HLS copy of one that is ready, so that a player without a plugin profits
 * too, and the tickets by which a page may have the others repackaged.
 */
import { isHls, rankMediaFiles, TICKET_EXTENSION } from "@interlude/core";
import type { TicketedNames } from "../repackage-ticket.ts";
import {
  type CreativePlace,
  type FoundMediaFile,
  listMediaFiles,
  mapCreatives,
  withCreativeExtension,
  withMediaFiles,
} from "./creatives.ts";
import type { CopySource } from "./ready-copies.ts";
import type { NormaliseMode } from "./relay-zone.ts";
import { cdataNode, createElement, elementsOf, textNode, type TreeElement } from "./xml-tree.ts";

export interface Dress {
  readonly mode: NormaliseMode;
  /** The zone's order of types. */
  readonly mediaTypes: readonly string[];
  /** Absolute; undefined: nothing plays yet. Never rejects. */
  readonly findCopy: (source: CopySource) => Promise<string | undefined>;
  /** undefined: a file gets none. */
  readonly giveTicket: (creativeUrl: string, names: TicketedNames) => string | undefined;
}

/** Creatives of one answer whose copies are looked for; media files of one creative that get tickets, and of an answer that are read. */
const MAX_COPIES = 50;
const MAX_TICKETS = 20;
const MAX_FILES = 500;

/** @param root VAST or VMAP */
export async function dressAnswer(root: TreeElement, dress: Dress): Promise<TreeElement> {
  const rankFiles = createRanking(dress);
  const copies = dress.mode === "off" ? new Map<string, string>() : await findCopies(root, rankFiles, dress);
  return mapCreatives(root, (creative, place, version) => {
    const files = rankFiles(creative);
    const [best] = files;
    const copy = best && copies.get(best.file.url);
    const dressed = best && copy !== undefined ? addCopy(creative, best, copy, dress) : creative;
    const ticketed = copy !== undefined && dress.mode === "only" ? files.slice(0, 1) : files;
    return addTickets(dressed, ticketed, copy, { place, version, dress });
  });
}

function addCopy(creative: TreeElement, best: FoundMediaFile, copy: string, { mode }: Dress): TreeElement {
  const others = mode === "only" ? [] : elementsOf(creative, "Linear", "MediaFiles", "MediaFile");
  return withMediaFiles(creative, [copyElement(best, copy), ...others]);
}

/** By the URL of the media file that a client would have repackaged. */
async function findCopies(root: TreeElement, rankFiles: RankFiles, dress: Dress): Promise<ReadonlyMap<string, string>> {
  const sources = new Map<string, CopySource>();
  mapCreatives(root, (creative, place) => {
    const [best] = rankFiles(creative);
    if (best && !isHls(best.file) && sources.size < MAX_COPIES)
      sources.set(best.file.url, { creativeUrl: best.file.url, names: place });
    return creative;
  });
  const found = await Promise.all(
    [...sources].map(async ([url, source]) => [url, await dress.findCopy(source)] as const),
  );
  return new Map(found.flatMap(([url, copy]) => (copy === undefined ? [] : [[url, copy]])));
}

type RankFiles = (creative: TreeElement) => readonly FoundMediaFile[];

/** As a client ranks them, read once; of what a hostile answer has beyond a crowd, none. */
function createRanking({ mediaTypes }: Dress): RankFiles {
  const known = new Map<TreeElement, readonly FoundMediaFile[]>();
  let left = MAX_FILES;
  return (creative) => {
    const before = known.get(creative);
    if (before) return before;
    left -= elementsOf(creative, "Linear", "MediaFiles", "MediaFile").length;
    const found = left < 0 ? [] : listMediaFiles(creative);
    const byFile = new Map(found.map((one) => [one.file, one]));
    const ranked = rankMediaFiles({ mediaFiles: [...byFile.keys()] }, mediaTypes);
    const files = ranked.flatMap((file) => byFile.get(file) ?? []);
    known.set(creative, files);
    return files;
  };
}

/** VAST demands width and height: those of the file that it is a copy of. One without has none: players that choose by size leave out 0 × 0. */
function copyElement({ element, file }: FoundMediaFile, url: string): TreeElement {
  const size = { width: file.width || undefined, height: file.height || undefined };
  const attributes = { delivery: "streaming", type: "application/x-mpegURL", ...size };
  return createElement(element.qualifiedName, attributes, cdataNode(url));
}

interface Added {
  readonly place: CreativePlace;
  readonly version: string;
  readonly dress: Dress;
}

/** @param copy of the first file; clients of ours take it for that file, and find the one that fits their content */
function addTickets(
  creative: TreeElement,
  files: readonly FoundMediaFile[],
  copy: string | undefined,
  { place, version, dress }: Added,
): TreeElement {
  const tickets = files.slice(0, MAX_TICKETS).flatMap(({ file }, index) => {
    const ticket = dress.giveTicket(file.url, place);
    if (ticket === undefined) return [];
    const copied = index === 0 && copy !== undefined ? { copy, type: file.type } : {};
    return [createElement("RepackageTicket", { mediaFile: file.url, ...copied }, textNode(ticket))];
  });
  if (tickets.length === 0) return creative;
  const extension = createElement("CreativeExtension", { type: TICKET_EXTENSION }, ...tickets);
  return withCreativeExtension(creative, extension, version);
}
