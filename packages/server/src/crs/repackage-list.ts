/**
 * The body of Primetime's `POST /repackage`: `<RepackageList>` with 1 to 300 `<Repackage>`.
 *
 * Names of elements match in any case and without their prefix, elements that the original does not name are left alone.
 * A list is good or bad as a whole: nothing is begun for one that has a mistake in it.
 *
 * @see primetime.md §3.5
 */
import {
  AdError,
  children,
  isNamed,
  MAX_XML_BYTES,
  parseCreativeUrl,
  readXml,
  type XmlElement,
  type XmlReader,
} from "@interlude/core";
import { HttpError } from "../http-error.ts";
import type { RepackageRequestInput } from "./crs.ts";
import { FormatError, type FormatOptions, parseFormatOptions } from "./format-options.ts";

/** What the original says to a list that is too long. */
export const TOO_MANY = "Validation fail: Too many requests. Max limit is 300";

/** More `<Repackage>` than a list may have. */
export class TooManyItems extends Error {
  override readonly name = "TooManyItems";
}

const MAX_ITEMS = 300;
const MAX_NAME_LENGTH = 1000;
const MAX_URL_LENGTH = 8192;

/**
 * What a list asks for: one input for each item and each packaging that its `Format` names, in the order of the list.
 *
 * @param zones those that the asker may use
 * @throws HttpError `invalid-request` naming the item (from 1) and the element; TooManyItems
 */
export function parseRepackageList(
  text: string,
  reader: XmlReader,
  zones: readonly string[],
): readonly RepackageRequestInput[] {
  const root = readRoot(text, reader);
  if (!isNamed(root, "RepackageList"))
    throw invalid(`expected a <RepackageList> root, got <${root.name.slice(0, 40)}>`);
  const items = children(root, "Repackage");
  if (items.length > MAX_ITEMS) throw new TooManyItems(TOO_MANY);
  if (items.length === 0) throw invalid("RepackageList: expected 1 to 300 <Repackage>, got none");
  return items.flatMap((item, index) => readItem(item, `Repackage ${index + 1}`, zones));
}

function readRoot(text: string, reader: XmlReader): XmlElement {
  try {
    return readXml(text, reader, { maxBytes: MAX_XML_BYTES });
  } catch (error) {
    // The body is the client's, not an upstream's.
    if (error instanceof AdError) throw invalid(error.message, error);
    throw error;
  }
}

function invalid(message: string, cause?: unknown): HttpError {
  return new HttpError("invalid-request", message, { cause });
}

function readItem(item: XmlElement, where: string, zones: readonly string[]): readonly RepackageRequestInput[] {
  const adSystem = readRequired(item, "AdSystem", where);
  const adId = readRequired(item, "AdID", where);
  const creativeId = readText(item, "CreativeID", where);
  const format = readFormat(readText(item, "Format", where), where);
  const zone = readRequired(item, "Zone", where);
  if (!zones.includes(zone)) {
    throw invalid(`${where}: Zone: expected one of the account's (${zones.join(", ")}), got ${quote(zone)}`);
  }
  const common = {
    zone,
    creativeUrl: readCreativeUrl(item, where),
    targetDuration: format.targetDuration,
    id3: format.id3,
    adSystem,
    adId,
    ...(creativeId !== "" && { creativeId }),
  };
  return format.packagings.map((packaging) => ({ ...common, packaging }));
}

/** White space inside becomes single spaces; "" where the element is missing or empty. */
function readText(item: XmlElement, name: string, where: string, maxLength = MAX_NAME_LENGTH): string {
  const [element, second] = children(item, name);
  if (second) throw invalid(`${where}: ${name}: expected it once, got it twice`);
  const [nested] = element?.children ?? [];
  if (nested) throw invalid(`${where}: ${name}: expected a text, got <${nested.name.slice(0, 40)}>`);
  const text = (element?.text ?? "").trim().replace(/\s+/g, " ");
  if (text.length > maxLength) {
    throw invalid(`${where}: ${name}: expected at most ${maxLength} characters, got ${text.length}`);
  }
  // XML lets these through, neither the database nor a log should meet them.
  if (/\p{Cc}/u.test(text)) throw invalid(`${where}: ${name}: expected no control characters, got ${quote(text)}`);
  return text;
}

function readRequired(item: XmlElement, name: string, where: string): string {
  const text = readText(item, name, where);
  if (text === "") throw invalid(`${where}: ${name}: expected a text, got nothing`);
  return text;
}

function readCreativeUrl(item: XmlElement, where: string): string {
  const url = readText(item, "CreativeURL", where, MAX_URL_LENGTH);
  try {
    parseCreativeUrl(url);
    return url;
  } catch (error) {
    if (!(error instanceof AdError)) throw error;
    throw invalid(`${where}: CreativeURL: expected an absolute http(s) URL, got ${quote(url)}`, error);
  }
}

function readFormat(text: string, where: string): FormatOptions {
  try {
    return parseFormatOptions(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw invalid(`${where}: Format: ${error.message}`, error);
  }
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
