/**
 * The campaign file, version 1: what the ad server serves when there is no ad server behind it. Line items are what an ad tag
 * asks for by `li`, or what is picked for it; schedules are VMAP: what plays in which break.
 */
import {
  type JsonField,
  readJsonFile,
  readMembers,
  readNumber,
  readOptional,
  readString,
  wrongField,
} from "../../json-field.ts";
import type { Campaigns, ScheduledBreak } from "./campaign.ts";
import { byId, type Identified, isCount, isSeconds, readId } from "./read-field.ts";
import { readLineItem, type ZoneCheck } from "./read-line-item.ts";

/**
 * @param file the name that complaints use
 * @param check told of line items for zones that there are not, which are not served there; undefined: nobody needs to know
 * @throws AdError `option-invalid` naming file, line and field, what was expected and what came
 */
export function parseCampaigns(text: string, file: string, check?: ZoneCheck): Campaigns {
  const root = readMembers(readJsonFile(text, file), ["version", "lineItems", "schedules"]);
  readNumber(root.version, "1", (version) => version === 1);
  const lineItems = byId(root.lineItems, (field) => readLineItem(field, check));
  const readSchedule = (field: JsonField): Identified<readonly ScheduledBreak[]> => {
    const members = readMembers(field, ["id", "breaks"]);
    const breaks = byId(members.breaks, (item) => readBreak(item, lineItems));
    return { id: members.id, value: [...breaks.values()] };
  };
  return { lineItems, schedules: root.schedules.node ? byId(root.schedules, readSchedule) : new Map() };
}

const TIME_OFFSET = /^(?:start|end|\d{2}:[0-5]\d:[0-5]\d(?:\.\d{3})?|(?:100|\d{1,2})%|#[1-9]\d{0,3})$/;

function readBreak(field: JsonField, lineItems: Campaigns["lineItems"]): Identified<ScheduledBreak> {
  const members = readMembers(field, ["id", "timeOffset", "lineItem", "duration", "maxAds"]);
  const timeOffset = readString(members.timeOffset);
  if (!TIME_OFFSET.test(timeOffset)) throw wrongField(members.timeOffset, "start, end, hh:mm:ss.mmm, n% or #n");
  const lineItem = readOptional(members.lineItem, readId);
  if (lineItem !== undefined && !lineItems.has(lineItem))
    throw wrongField(members.lineItem, `one of ${[...lineItems.keys()].join(", ")}`);
  for (const limit of [members.duration, members.maxAds]) {
    if (lineItem !== undefined && limit.node) throw wrongField(limit, "nothing beside lineItem, which is served whole");
  }
  const value = {
    id: readId(members.id),
    timeOffset,
    lineItem,
    duration: readOptional(members.duration, (item) => readNumber(item, "a number of seconds above 0", isSeconds)),
    maxAds: readOptional(members.maxAds, (item) => readNumber(item, "a whole number from 1 to 30", isCount(30))),
  };
  return { id: members.id, value };
}
