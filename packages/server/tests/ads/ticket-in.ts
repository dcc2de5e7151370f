import { parseVast, readXml } from "@interlude/core";
import { parseXml } from "../../src/xml.ts";

/** The ticket that a VAST has for a media file. */
export function ticketIn(vast: string, creativeUrl: string): string | undefined {
  const mediaFiles = parseVast(readXml(vast, parseXml)).ads.flatMap(({ ad }) =>
    ad.creatives.flatMap((creative) => creative.mediaFiles),
  );
  return mediaFiles.find(({ url }) => url === creativeUrl)?.repackageTicket;
}
