/** What a viewer may do with ads, as the plugin's options say it. */
import type { AdInsertionOptions } from "@interlude/plugin/hls";

export interface Policy {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  readonly options: Pick<AdInsertionOptions, "snapBack" | "keepInAds">;
}

/** The plugin's own. */
export const DEFAULT_POLICY: Policy = {
  id: "usual",
  title: "Usual",
  note: "who jumps over ads sees the last of them first",
  options: { snapBack: true, keepInAds: false },
};

export const POLICIES: readonly Policy[] = [
  DEFAULT_POLICY,
  {
    id: "strict",
    title: "Strict",
    note: "the same, and nobody leaves an ad before its end",
    options: { snapBack: true, keepInAds: true },
  },
  {
    id: "free",
    title: "Free",
    note: "ads can be jumped over and left",
    options: { snapBack: false, keepInAds: false },
  },
];
