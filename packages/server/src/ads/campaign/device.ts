/**
 * What kind of device a viewer watches on, by its User-Agent. Coarse on purpose: that is what campaigns are sold by, and the
 * header says no more with certainty.
 */

/** `other`: a header that tells nothing, or none. */
export const DEVICE_KINDS = ["tv", "tablet", "phone", "desktop", "other"] as const;

export type DeviceKind = (typeof DEVICE_KINDS)[number];

/** The first that fits: televisions name Android and Linux too, tablets name phones' systems. */
const SIGNS: readonly (readonly [DeviceKind, RegExp])[] = [
  [
    "tv",
    /smart-?tv|smarttv|hbbtv|tizen.*\btv\b|web0s|webos\.tv|netcast|apple ?tv|android ?tv|google ?tv|\baft[a-z]|crkey|roku|bravia|viera|playstation|xbox|nintendo switch/i,
  ],
  ["tablet", /ipad|tablet|kindle|silk\/|playbook|android(?!.*\bmobile\b)/i],
  ["phone", /iphone|ipod|android|windows phone|\bmobile\b/i],
  ["desktop", /windows nt|macintosh|x11|cros |linux x86/i],
];

/** Longer headers are cut: what matters stands in front. */
const MAX_LENGTH = 500;

/** @param userAgent undefined or empty is `other` */
export function readDevice(userAgent: string | undefined): DeviceKind {
  const text = (userAgent ?? "").slice(0, MAX_LENGTH);
  return SIGNS.find(([, sign]) => sign.test(text))?.[0] ?? "other";
}
