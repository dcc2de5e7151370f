/** What the visitor chose; the page's address says it, so that it can be shared. */
import { type Content, CONTENTS, type CreativeChoice, CREATIVES } from "./catalog.ts";

export interface Choice {
  readonly content: Content;
  readonly creative: CreativeChoice;
  /** The name of a CDN, as `ptcdn`. Whatever the address says: an unknown one is the plugin's to refuse. */
  readonly cdn: string;
}

/** Where the ads are put in: by the plugin in the player, or by the manifest server. One tab each. */
export type Workflow = "player" | "server";

/** The tab that an address names; the player's where it names none. */
export function readWorkflow(query: URLSearchParams): Workflow {
  return query.get("workflow") === "server" ? "server" : "player";
}

/** Reads a query; what is missing or unknown is the first of its list. `cdn` is taken as it is. */
export function readChoice(query: URLSearchParams): Choice {
  const content = CONTENTS.find(({ id }) => id === query.get("content")) ?? CONTENTS[0];
  const creative = CREATIVES.find(({ id }) => id === query.get("creative")) ?? CREATIVES[0];
  if (!content || !creative) throw new Error("catalog.json: expected a content and a creative, got none");
  return { content, creative, cdn: query.get("cdn") || "a" };
}

/** The query of a choice, always complete; the player's tab goes without saying. */
export function formatChoice({ content, creative, cdn }: Choice, workflow: Workflow = "player"): string {
  const query = new URLSearchParams({ content: content.id, creative: creative.id, cdn });
  if (workflow !== "player") query.set("workflow", workflow);
  return query.toString();
}

/** The ad tag of a choice: the content's own, with the creative as its line item. */
export function formatAdTag({ content, creative }: Choice): string {
  return `${content.adTag}&li=${encodeURIComponent(creative.id)}`;
}
