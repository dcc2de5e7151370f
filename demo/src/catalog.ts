/** What the publisher has to show: catalog.json, typed. */
import catalog from "../catalog.json" with { type: "json" };

export interface Content {
  readonly id: string;
  /** One word, for a button; `name` is the film's own. */
  readonly title: string;
  readonly name: string;
  readonly note: string;
  readonly url: string;
  readonly poster: string;
  /** Seconds. */
  readonly duration: number;
  readonly isLive: boolean;
  /** Id of the creative that is sold into it, until the visitor chooses another one. */
  readonly creative: string;
  /** Where its breaks are, seconds; empty in live, whose playlist says it. */
  readonly breaks: readonly number[];
  /** To which `li` is added, the line item of the chosen creative. */
  readonly adTag: string;
}

/** A creative of the campaign file; its id is that of its line item. */
export interface CreativeChoice {
  readonly id: string;
  readonly title: string;
  /** What the buyer sent, as its type says. */
  readonly format: string;
  readonly note: string;
  readonly url: string;
  readonly type: string;
}

export const ZONE: string = catalog.zone;
export const CONTENTS: readonly Content[] = catalog.contents;
export const CREATIVES: readonly CreativeChoice[] = catalog.creatives;
/** Of the page of first encounters: ids, and the tag to which `name` is added, under which nobody has asked for the creative yet. */
export const ENCOUNTER: { readonly content: string; readonly creative: string; readonly adTag: string } =
  catalog.encounter;
