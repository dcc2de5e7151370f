/**
 * What a SCTE-35 section says about avails: which ones start and end.
 *
 *   splice_insert                        out of the network: start; back: end
 *   Break                     0x22/0x23  Provider Placement Opportunity     0x34/0x35
 *   Provider Advertisement    0x30/0x31  Distributor Placement Opportunity  0x36/0x37
 *   Distributor Advertisement 0x32/0x33
 *
 * Everything else (programs, chapters, content identification) is no avail.
 *
 * @see primetime.md §1.8; SCTE 35 2023r1 §9.7.3, table 23
 */
import { AdError } from "../error.ts";
import { parseScte35, type SpliceInfo } from "./scte35.ts";
import type { Segmentation } from "./scte35-segmentation.ts";

/**
 * What starts and ends together, an avail of its own only outside of another one: `text` is a cue that is no SCTE-35.
 */
export type CueFamily = "text" | "splice" | "break" | "opportunity" | "local-opportunity" | "ad" | "local-ad";

/** Whose time an avail is: the provider's own, or the distributor's. */
export type Reach = "national" | "local" | undefined;

/** One start or end. Seconds. */
export interface SectionCue {
  readonly kind: "out" | "in";
  readonly eventId: string;
  readonly family: CueFamily;
  readonly duration: number | undefined;
  readonly reach: Reach;
}

/** The cues of a section in text, ends first; `undefined` where it cannot be decoded. */
export type ReadSection = (text: string) => readonly SectionCue[] | undefined;

interface SegmentationMeaning {
  readonly kind: "out" | "in";
  readonly family: CueFamily;
  readonly reach: Reach;
}

const MEANING: Readonly<Record<number, SegmentationMeaning>> = {
  0x22: { kind: "out", family: "break", reach: "national" },
  0x23: { kind: "in", family: "break", reach: "national" },
  0x30: { kind: "out", family: "ad", reach: "national" },
  0x31: { kind: "in", family: "ad", reach: "national" },
  0x32: { kind: "out", family: "local-ad", reach: "local" },
  0x33: { kind: "in", family: "local-ad", reach: "local" },
  0x34: { kind: "out", family: "opportunity", reach: undefined },
  0x35: { kind: "in", family: "opportunity", reach: undefined },
  0x36: { kind: "out", family: "local-opportunity", reach: "local" },
  0x37: { kind: "in", family: "local-opportunity", reach: "local" },
};

/** Remembers the last section, which encoders repeat on every segment of an avail. */
export function createSectionReader(): ReadSection {
  let last: { readonly text: string; readonly cues: readonly SectionCue[] | undefined } | undefined;
  return (text) => {
    if (last?.text !== text) last = { text, cues: decodeCues(text) };
    return last.cues;
  };
}

function decodeCues(text: string): readonly SectionCue[] | undefined {
  try {
    return listCues(parseScte35(text));
  } catch (error) {
    // A broken section costs its cue, never the playlist.
    if (error instanceof AdError) return undefined;
    throw error;
  }
}

function listCues({ command, segmentations }: SpliceInfo): readonly SectionCue[] {
  const cues = segmentations.flatMap((segmentation) => readSegmentation(segmentation) ?? []);
  if (command.kind === "splice-insert" && !command.isCancelled) {
    const { eventId, isOutOfNetwork, duration } = command;
    const kind = isOutOfNetwork ? "out" : "in";
    cues.unshift({ kind, eventId: String(eventId), family: "splice", duration, reach: undefined });
  }
  return cues.toSorted((a, b) => Number(a.kind === "out") - Number(b.kind === "out"));
}

function readSegmentation({ eventId, isCancelled, typeId, duration }: Segmentation): SectionCue | undefined {
  const meaning = isCancelled ? undefined : MEANING[typeId];
  return meaning && { ...meaning, eventId: String(eventId), duration };
}
