/** What the visitor chose; the page's address says it, so that it can be shared. */
import { type Content, CONTENTS, type CreativeChoice, CREATIVES } from "./catalog.ts";
import { DEFAULT_POLICY, POLICIES, type Policy } from "./policy.ts";

export interface Choice {
  readonly content: Content;
  readonly creative: CreativeChoice;
  /** The name of a CDN, as `ptcdn`. Whatever the address says: an unknown one is the plugin's to refuse. */
  readonly cdn: string;
  /** What the viewer may do with ads; the plugin keeps to it, a player without it has none. */
  readonly policy: Policy;
}

/** Where the ads are put in: by the plugin in the player, or by the manifest server. One tab each. */
export type Workflow = "player" | "server";

/** All that the page's address can say. */
export interface Shared {
  readonly choice: Choice;
  readonly workflow: Workflow;
  /** Where to begin, whole seconds of content; 0: at the start. */
  readonly position: number;
}

/** Whether an address is of the catalogue, which names no asset, or of one that is unknown. */
export function isCatalogue(query: URLSearchParams): boolean {
  return CONTENTS.every(({ id }) => id !== query.get("content"));
}

/**
 * Reads the whole query. A tab or policy that is unknown is the first one, a position that is none, or that live content cannot
 * have, is the start.
 */
export function readShared(query: URLSearchParams): Shared {
  const choice = readChoice(query);
  const second = /^\d{1,6}$/.test(query.get("t") ?? "") ? Number(query.get("t")) : 0;
  const { isLive, duration } = choice.content;
  return { choice, workflow: readWorkflow(query), position: isLive || second >= duration ? 0 : second };
}

/** The query that brings a state back. */
export function formatShared({ choice, workflow, position }: Shared): string {
  const second = choice.content.isLive ? 0 : Math.floor(position);
  return `${formatChoice(choice, workflow)}${second > 0 ? `&t=${second}` : ""}`;
}

/** The tab that an address names; the player's where it names none. */
export function readWorkflow(query: URLSearchParams): Workflow {
  return query.get("workflow") === "server" ? "server" : "player";
}

/** Reads a query; what is missing or unknown is the asset's own, or the first of its list. `cdn` is taken as it is. */
export function readChoice(query: URLSearchParams): Choice {
  const content = CONTENTS.find(({ id }) => id === query.get("content")) ?? CONTENTS[0];
  const findCreative = (asked: string | null | undefined): CreativeChoice | undefined =>
    CREATIVES.find(({ id }) => id === asked);
  const creative = findCreative(query.get("creative")) ?? findCreative(content?.creative) ?? CREATIVES[0];
  if (!content || !creative) throw new Error("catalog.json: expected a content and a creative, got none");
  const policy = POLICIES.find(({ id }) => id === query.get("policy")) ?? DEFAULT_POLICY;
  return { content, creative, cdn: query.get("cdn") || "a", policy };
}

/** The query of a choice, always complete; the player's tab and the usual policy go without saying. */
export function formatChoice({ content, creative, cdn, policy }: Choice, workflow: Workflow = "player"): string {
  const query = new URLSearchParams({ content: content.id, creative: creative.id, cdn });
  if (workflow !== "player") query.set("workflow", workflow);
  if (policy !== DEFAULT_POLICY) query.set("policy", policy.id);
  return query.toString();
}

/** The ad tag of a choice: the content's own, with the creative as its line item. */
export function formatAdTag({ content, creative }: Choice): string {
  return `${content.adTag}&li=${encodeURIComponent(creative.id)}`;
}
