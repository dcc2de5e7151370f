/**
 * Dialects of cues: which tags count where `ptcueformat` names one.
 *
 * The public documents give the names and, for the two DPI modes, the tags. Of the others they say that `elemental`, `nfl` and
 * `turner` carry SCTE-35 sections, and that `nbc` does not; the rest of the table is a choice.
 *
 * @see primetime.md §1.4 (`ptcueformat`, `scteTracking`), §1.8
 */

/**
 * How a cue is written: `simple` EXT-X-CUE SpliceOut and SpliceIn; `scte35` EXT-X-CUE of TYPE "scte35", and EXT-X-SCTE35;
 * `cue-out` EXT-X-CUE-OUT, -CONT, -IN and EXT-X-CUE-SPAN; `section` a bare SCTE-35 section (EXT-OATCLS-SCTE35,
 * EXT-X-SPLICEPOINT-SCTE35); `daterange` EXT-X-DATERANGE; `point` EXT-X-AD and EXT-X-CUEPOINT.
 */
export type CueStyle = "simple" | "scte35" | "cue-out" | "section" | "daterange" | "point";

/** The styles that count; the same set for every name of one dialect. */
export type CueStyles = ReadonlySet<CueStyle>;

const ALL: CueStyles = new Set<CueStyle>(["simple", "scte35", "cue-out", "section", "daterange", "point"]);

const DIALECTS: ReadonlyMap<string, CueStyles> = new Map<string, CueStyles>([
  ["dpisimple", new Set<CueStyle>(["simple"])],
  ["dpiscte35", new Set<CueStyle>(["scte35"])],
  ["elemental", new Set<CueStyle>(["cue-out", "section"])],
  ["nbc", new Set<CueStyle>(["cue-out"])],
  ["nfl", new Set<CueStyle>(["cue-out", "section", "scte35"])],
  ["turner", new Set<CueStyle>(["cue-out", "section", "scte35", "daterange"])],
]);

/** All styles where the dialect is not given, or has no such name. */
export function selectStyles(dialect: string | undefined): CueStyles {
  return DIALECTS.get(dialect?.toLowerCase() ?? "") ?? ALL;
}
