/**
 * A break of the campaign file as the asset list of an interstitial: its ads that are HLS or have an HLS copy. The others are noted as
 * left out, and ordered for the next time; where a wrapper leads is not asked.
 *
 * @see draft-pantos-hls-rfc8216bis Appendix D.2 (X-ASSET-LIST)
 */
import { type Ad, parseVast } from "@interlude/core";
import type { NoteEvent } from "../noted-event.ts";
import type { ZoneConfig } from "../zones.ts";
import { type AssetList, buildAssetList } from "./asset-list.ts";
import type { AdPlace } from "./campaign/campaign-server.ts";
import { dressAnswer } from "./relay/dress-answer.ts";
import type { ReadyCopies } from "./relay/ready-copies.ts";
import { readTree } from "./relay/read-tree.ts";

/** A campaign file is a few megabytes at most, and so is one of its breaks. */
const MAX_BYTES = 5_000_000;

export interface CampaignAssetsDeps {
  /** undefined: repackaging is off. */
  readonly copies: ReadyCopies | undefined;
  readonly note: NoteEvent;
}

/**
 * @param vast of the break, as this server wrote it
 * @param base where the client came in
 */
export type ListCampaignAssets = (vast: string, zone: ZoneConfig, base: URL) => Promise<CampaignAssets>;

export interface CampaignAssets {
  readonly list: AssetList;
  /** The ads that are not in it. */
  readonly left: readonly AdPlace[];
}

export function createCampaignAssets({ copies, note }: CampaignAssetsDeps): ListCampaignAssets {
  return async (vast, zone, base) => {
    const { mediaTypes } = zone;
    const dressed = await dressAnswer(readTree(vast, MAX_BYTES), {
      mode: "first",
      mediaTypes,
      findCopy: async (source) => {
        const found = await copies?.find(source, zone, base);
        return found === undefined ? undefined : new URL(found, base).href;
      },
      giveTicket: () => undefined,
    });
    const { ads } = parseVast(dressed);
    const { list, left } = buildAssetList(
      ads.flatMap((entry) => (entry.kind === "inline" ? [entry.ad] : [])),
      mediaTypes,
    );
    const wrappers = ads.flatMap((entry) =>
      entry.kind === "wrapper" ? [{ ad: entry.ad, reason: "unsupported-media-file" } as const] : [],
    );
    const skipped = [...left, ...wrappers].flatMap(({ ad, reason }) =>
      listPlaces(ad).map((place) => ({ ...place, reason })),
    );
    for (const one of skipped) note({ event: "adSkipped", ...one });
    return { list, left: skipped };
  };
}

interface SkippedAd extends AdPlace {
  readonly creative: string;
  readonly lineItem: string;
}

/** Under the names by which its impression would have come; a bumper has none. */
function listPlaces({ impressions }: Pick<Ad, "impressions">): readonly SkippedAd[] {
  return impressions.flatMap((url) => {
    const { pathname, searchParams } = URL.canParse(url) ? new URL(url) : new URL("about:blank");
    if (pathname !== "/track/impression") return [];
    const told = (name: string): string => searchParams.get(name) ?? "";
    return {
      zone: told("zone"),
      session: told("session"),
      breakId: told("break"),
      lineItem: told("li"),
      ad: told("ad"),
      creative: told("creative"),
      position: Number(told("position")),
    };
  });
}
