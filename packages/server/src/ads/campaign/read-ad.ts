/** An ad of the campaign file: media files, clicks, companions. */
import {
  type JsonField,
  readList,
  readMembers,
  readNumber,
  readOptional,
  readString,
  wrongField,
} from "../../json-field.ts";
import type { CampaignAd, CampaignCompanion, CampaignMediaFile, CompanionResource } from "./campaign.ts";
import { byId, type Identified, isPixels, isSeconds, readId, readMimeType, readOneOf, readUrl } from "./read-field.ts";

/** @throws AdError `option-invalid` naming file, line and field */
export function readAd(field: JsonField): Identified<CampaignAd> {
  const members = readMembers(field, [
    "id",
    "title",
    "creativeId",
    "duration",
    "skipOffset",
    "clickThrough",
    "mediaFiles",
    "companions",
    "companionsRequired",
  ]);
  const id = readId(members.id);
  const duration = readNumber(members.duration, "a number of seconds above 0", isSeconds);
  const value = {
    id,
    title: readOptional(members.title, readString) ?? id,
    creativeId: readOptional(members.creativeId, readId) ?? id,
    duration,
    skipOffset: readOptional(members.skipOffset, (skip) => readSkipOffset(skip, duration)),
    clickThrough: readOptional(members.clickThrough, readUrl),
    mediaFiles: readList(members.mediaFiles, readMediaFile),
    companions: readOptional(members.companions, (list) => [...byId(list, readCompanion).values()]) ?? [],
    companionsRequired:
      readOptional(members.companionsRequired, (item) => readOneOf(item, ["all", "any", "none"])) ?? "none",
  };
  if (value.mediaFiles.length === 0) throw wrongField(members.mediaFiles, "at least one media file");
  return { id: members.id, value };
}

/** At its end an ad has nothing left to skip. */
function readSkipOffset(field: JsonField, duration: number): number {
  const expected = `a number of seconds above 0, below the duration of ${duration}`;
  return readNumber(field, expected, (seconds) => isSeconds(seconds) && seconds < duration);
}

function readMediaFile(field: JsonField): CampaignMediaFile {
  const members = readMembers(field, ["url", "type", "width", "height", "bitrateKbps", "codec"]);
  return {
    url: readUrl(members.url),
    type: readMimeType(members.type, "video/mp4"),
    width: readNumber(members.width, "a whole number of pixels", isPixels),
    height: readNumber(members.height, "a whole number of pixels", isPixels),
    bitrateKbps: readOptional(members.bitrateKbps, (rate) => readNumber(rate, "kbit/s above 0", (kbps) => kbps > 0)),
    codec: readOptional(members.codec, readString),
  };
}

function readCompanion(field: JsonField): Identified<CampaignCompanion> {
  const members = readMembers(field, [
    "id",
    "width",
    "height",
    "adSlotId",
    "altText",
    "clickThrough",
    "image",
    "type",
    "iframe",
    "html",
  ]);
  const value = {
    id: readId(members.id),
    width: readNumber(members.width, "a whole number of pixels", isPixels),
    height: readNumber(members.height, "a whole number of pixels", isPixels),
    adSlotId: readOptional(members.adSlotId, readString),
    altText: readOptional(members.altText, readString),
    clickThrough: readOptional(members.clickThrough, readUrl),
    resource: readResource(field, members),
  };
  return { id: members.id, value };
}

function readResource(
  field: JsonField,
  { image, type, iframe, html }: Readonly<Record<"image" | "type" | "iframe" | "html", JsonField>>,
): CompanionResource {
  if ([image, iframe, html].filter(({ node }) => node).length !== 1) {
    throw wrongField(field, "one of image, iframe and html");
  }
  if (image.node) return { kind: "static", url: readUrl(image), type: readMimeType(type, "image/png") };
  if (type.node) throw wrongField(type, "nothing beside iframe or html");
  return iframe.node ? { kind: "iframe", url: readUrl(iframe) } : { kind: "html", html: readString(html) };
}
