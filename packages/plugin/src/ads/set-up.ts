/**
 * The start of a session: the zone document, the CDN that `ptcdn` names, and probes that need not wait for the content.
 *
 * @see primetime.md §1.4 `ptcdn`, §3.6
 */
import {
  type Ad,
  AdError,
  creativeKey,
  isHls,
  masterPath,
  normaliseCreativeUrl,
  parseZoneDocument,
  rankMediaFiles,
  selectCdn,
  selectPackages,
  type TextResponse,
  type ZoneDocument,
} from "@interlude/core";
import type { Settings } from "../options.ts";

export interface SetUp {
  readonly zone: ZoneDocument;
  readonly cdnBase: URL;
}

/**
 * @param answer of the zone's address; not waited for where the settings have the document
 * @throws AdError `option-invalid` for an unknown `ptcdn` or a wrong zone document, and what `FetchText` throws
 */
export async function readSetUp(settings: Settings, answer: Promise<TextResponse>): Promise<SetUp> {
  const zone = await readZone(settings, answer);
  return { zone, cdnBase: selectCdn(zone, settings.ptcdn) };
}

async function readZone({ zone, zoneUrl: asked }: Settings, answer: Promise<TextResponse>): Promise<ZoneDocument> {
  if (zone && asked) return parseZoneDocument(zone, asked);
  const response = await answer;
  const zoneUrl = asked ?? response.url;
  if (response.status !== 200) {
    const message = `zone document at ${zoneUrl.href}: expected status 200, got ${response.status}`;
    throw new AdError("upstream-status", message, { url: zoneUrl.href });
  }
  return parseZoneDocument(parseJson(response.text, zoneUrl), response.url);
}

function parseJson(text: string, url: URL): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `zone document at ${url.href}: expected JSON, got ${JSON.stringify(text.slice(0, 40))}`;
    throw new AdError("option-invalid", message, { url: url.href, cause });
  }
}

/**
 * Where an ad may be, as far as that is known before the content: the HLS creative itself, else one address per target duration of
 * the zone. What is asked here at once saves the round trip between the content's playlist and the answer.
 *
 * @param isUrgent an ad without a copy is played all the same: what is asked for last holds it up
 */
export function guessAddresses(ad: Ad, { zone, cdnBase }: SetUp, isUrgent: boolean): readonly URL[] {
  const [creative] = ad.creatives;
  const [mediaFile] = creative ? rankMediaFiles(creative, zone.mediaTypes) : [];
  if (!mediaFile || !URL.canParse(mediaFile.url)) return [];
  if (isHls(mediaFile)) return [new URL(mediaFile.url)];
  const key = creativeKey(zone.zone, normaliseCreativeUrl(mediaFile.url, zone.normalise));
  // as if live: else the remux that VOD asks for last is not worth a guess
  return selectPackages({ packaging: "hls", targetDuration: undefined, isLive: !isUrgent }, zone).map(
    (cut) => new URL(masterPath(zone.zone, key, cut), cdnBase),
  );
}
