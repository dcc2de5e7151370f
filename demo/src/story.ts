/**
 * What just happened and what to do next, in plain words. Pure: facts in, two sentences out.
 */
import type { CreativeState, SkipReason } from "@interlude/core";
import type { Workflow } from "./choice.ts";

/** How a viewing stands. `ended` includes content that was watched to its end; `left`: the other tab was chosen during it. */
export type Phase = "idle" | "starting" | "content" | "ad" | "ended" | "error" | "left";

export interface Facts {
  readonly workflow: Workflow;
  readonly phase: Phase;
  readonly isLive: boolean;
  readonly cdn: string;
  /** Of the chosen creative, e.g. MP4. */
  readonly format: string;
  readonly isHls: boolean;
  /** Title of the ad on screen. */
  readonly adTitle: string | undefined;
  /** Ads placed on the timeline so far. */
  readonly placed: number;
  readonly skipped: SkipReason | undefined;
  /** Of the repackaging that this viewing caused or met. */
  readonly job:
    { readonly state: CreativeState; readonly progress: number; readonly reason: string | undefined } | undefined;
  readonly error: string | undefined;
  readonly isForgotten: boolean;
  /** Seconds to the next live avail. */
  readonly nextAvail: number | undefined;
}

export interface Story {
  /** For the colour beside the text, which says the same. */
  readonly tone: "neutral" | "busy" | "good" | "warn" | "bad";
  readonly now: string;
  readonly next: string;
}

/** What a viewer's page can say of each reason. Completes “No ad: …”. */
export const SKIP_TEXT: Readonly<Record<SkipReason, string>> = {
  "new-creative": "the CDN has no HLS copy of it yet",
  "repackage-in-progress": "CRS is still making the HLS copy",
  "repackage-unavailable": "CRS cannot be reached, so no HLS copy is made",
  "repackage-refused": "the ad server refused to have it repackaged",
  "repackage-failed": "CRS could not make an HLS copy of it",
  "source-unreadable": "the creative cannot be read",
  "creative-blocked": "the creative failed too often and is blocked",
  "unsupported-media-file": "the creative’s format is not supported",
  "interactive-unsupported": "the creative is interactive, which cannot be spliced",
  "no-variant-match": "the creative does not fit this content",
  "target-duration-exceeded": "its segments are longer than the content allows",
  "no-media-file": "the ad brings no media file",
  "media-unavailable": "its media cannot be loaded",
  "cdn-error": "the CDN answered with an error",
  "media-timeout": "the CDN took too long",
  "ads-timeout": "the ad came too late for its place",
  "wrapper-limit": "too many ad servers point at one another",
  "no-ads": "the ad server has no ad",
  "vast-malformed": "the ad server’s answer cannot be read",
  "break-duration-exceeded": "it is longer than the break",
  "duration-mismatch": "it is not as long as announced",
  "key-mismatch": "player and CRS disagree about its address",
  overload: "there is too much to do",
  "early-return": "the programme came back early",
  policy: "this content takes no such break",
};

const AGAIN = "Watch as the next viewer";

const STARTING: Readonly<Record<Workflow, string>> = {
  player: "The player asks for ads while the content loads.",
  server: "The manifest server asks for ads while the player asks for its playlist.",
};

const STEPS: Readonly<Record<Workflow, string>> = { player: "six", server: "nine" };

/** Two sentences for the facts; `next` is empty while there is nothing to do but watch. */
export function tellStory(facts: Facts): Story {
  const { phase, skipped, error } = facts;
  if (error !== undefined) {
    const next = phase === "error" ? "Nothing can play before that is put right." : "The content plays all the same.";
    return { tone: "bad", now: `${error}.`.replace(/\.\.$/, "."), next };
  }
  if (phase === "idle") return tellIdle(facts);
  if (phase === "left") return tellLeft(facts);
  if (phase === "ad") return tellAd(facts);
  if (skipped !== undefined) return tellSkip(facts, skipped);
  if (phase === "starting") return { tone: "busy", now: STARTING[facts.workflow], next: "" };
  if (phase === "ended") {
    return {
      tone: "good",
      now: "Watched to the end: content and ads in one timeline.",
      next: `${AGAIN}, or choose another creative.`,
    };
  }
  return tellContent(facts);
}

function tellSkip(facts: Facts, skipped: SkipReason): Story {
  const { job, isLive, nextAvail } = facts;
  if (job && skipped !== "cdn-error") return tellJob(facts, job);
  if (!isLive) {
    return {
      tone: "warn",
      now: `No ad: ${SKIP_TEXT[skipped]}.`,
      next: "The content plays, whatever happens to an ad.",
    };
  }
  const isLate = skipped === "policy";
  const now = isLate
    ? "This viewer came in the middle of an avail, so it stays content."
    : `No ad: ${SKIP_TEXT[skipped]}.`;
  return { tone: isLate ? "neutral" : "warn", now, next: formatNextAvail(nextAvail) };
}

function formatNextAvail(nextAvail: number | undefined): string {
  const when = nextAvail === undefined ? "soon" : `in ${Math.ceil(nextAvail)} s`;
  return `The next avail, a place for ads, comes ${when}.`;
}

function tellLeft({ job }: Facts): Story {
  const isReady = job?.state === "ready";
  const now = "This viewing stopped when you went to the other tab.";
  return { tone: "neutral", now, next: `${AGAIN}${isReady ? " to see the ad" : " to begin another"}.` };
}

function tellIdle({ isForgotten, isHls, format, workflow }: Facts): Story {
  if (isForgotten) {
    return {
      tone: "neutral",
      now: "Forgotten: no CDN has a copy any more.",
      next: "Press Play to be the first viewer again.",
    };
  }
  const now = isHls
    ? "The chosen ad is HLS already, so it can be spliced at once."
    : `The chosen ad came as ${format}, so it needs an HLS copy before anyone can see it.`;
  return { tone: "neutral", now, next: `Press Play and follow the ${STEPS[workflow]} steps.` };
}

function tellAd({ adTitle, isHls, cdn, workflow }: Facts): Story {
  const from = isHls ? "It was HLS already" : `Its HLS copy came from CDN ${cdn}`;
  if (workflow === "server") {
    const now = `“${adTitle ?? "The ad"}” plays: the server had put it into the playlist.`;
    return { tone: "good", now, next: `${from}: the player knows of no ads but what the sidecar tells.` };
  }
  return {
    tone: "good",
    now: `“${adTitle ?? "The ad"}” plays inside the content’s own timeline.`,
    next: `${from}: no second player, no reload.`,
  };
}

function tellContent({ placed, isLive, nextAvail }: Facts): Story {
  if (isLive) {
    return { tone: "neutral", now: "Live content plays.", next: formatNextAvail(nextAvail) };
  }
  const now = placed > 0 ? "The ads are spliced in: see the marks on the timeline." : "The content plays.";
  return { tone: placed > 0 ? "good" : "neutral", now, next: placed > 0 ? "Jump ahead to one, or just watch." : "" };
}

function tellJob({ cdn, isLive, skipped }: Facts, job: NonNullable<Facts["job"]>): Story {
  const first =
    skipped === "new-creative"
      ? `CDN ${cdn} had no HLS copy yet, so this viewer sees no ad.`
      : "This viewer sees no ad either.";
  if (job.state === "ready") {
    const next = isLive ? "The next avail has the ad." : `${AGAIN} to see the ad.`;
    return { tone: "good", now: "Ready: the HLS copy is on the CDN.", next };
  }
  if (job.state === "failed" || job.state === "blocked") {
    const why = job.reason ? ` (${job.reason})` : "";
    const now = `CRS cannot make an HLS copy of this creative${why}.`;
    return { tone: "bad", now, next: "No viewer waits for it: the content always plays." };
  }
  return { tone: "busy", now: first, next: `CRS is making the copy: ${Math.round(job.progress * 100)} %.` };
}
