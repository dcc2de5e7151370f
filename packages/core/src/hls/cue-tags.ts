/**
 * The tags that may signal an avail, or that describe one (EXT-X-ASSET). What they say is read by `cue-signal` and `cue-daterange`.
 *
 * @see primetime.md §1.8
 */
export const CUE_TAGS: ReadonlySet<string> = new Set([
  "EXT-X-CUE",
  "EXT-X-CUE-OUT",
  "EXT-X-CUE-OUT-CONT",
  "EXT-X-CUE-IN",
  "EXT-X-CUE-SPAN",
  "EXT-X-SCTE35",
  "EXT-OATCLS-SCTE35",
  "EXT-X-SPLICEPOINT-SCTE35",
  "EXT-X-DATERANGE",
  "EXT-X-AD",
  "EXT-X-CUEPOINT",
  "EXT-X-ASSET",
]);
