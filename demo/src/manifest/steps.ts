/**
 * The numbered list of the manifest server's workflow, and what one viewing has shown of it. Pure: answers in, steps out.
 *
 * @see Overview of Manifest Server interactions, "A typical workflow"
 */
import { type SkipReason, VAST_ERROR_OF_SKIP } from "@interlude/core";
import type { BreakSnapshot } from "@interlude/plugin/hls";
import { formatAddress, formatMs, formatTime } from "../format.ts";
import { idleStep, type StepText, type StepView } from "../step.ts";
import { formatPlace } from "../timeline.ts";
import {
  type AdResolution,
  type Answer,
  listAdCalls,
  listOrders,
  listResolutions,
  type TraceRecord,
  type X1,
} from "./debug-headers.ts";
import { parseReason } from "./sidecar.ts";

/** The nine steps in short. */
export const SERVER_STEPS: readonly StepText[] = [
  { step: 1, title: "The publisher names content and ads" },
  { step: 2, title: "The player sends the bootstrap request" },
  { step: 3, title: "The server opens a session" },
  { step: 4, title: "The server fetches the content’s playlists" },
  { step: 5, title: "The server answers with the session’s master" },
  { step: 6, title: "The player chooses a stream" },
  {
    step: 7,
    title: "The server asks for ads",
    parts: [
      { part: "a", text: "the ad server answers" },
      { part: "b", text: "HLS already: take it" },
      { part: "c", text: "a copy is on the CDN: take that" },
      { part: "d", text: "no copy: ask CRS for one, leave the ad out" },
    ],
  },
  { step: 8, title: "The server stitches the playlist" },
  { step: 9, title: "The player plays and tracks" },
];

/** What a viewing has seen so far. */
export interface ServerFacts {
  /** What the publisher told: the content's address, and the parameters for the ad server. */
  readonly contentUrl: string;
  readonly adInformation: Readonly<Record<string, string>>;
  readonly cdn: string;
  readonly bootstrapUrl: string;
  readonly bootstrap: Answer | undefined;
  /** The sentence of the request that failed. */
  readonly failure: string | undefined;
  readonly masterUrl: string | undefined;
  readonly master: Answer | undefined;
  /** The latest media playlist, and which stream it is, e.g. “640 × 360, 258 kbit/s”. */
  readonly media: Answer | undefined;
  readonly stream: string | undefined;
  /** Records of all media playlists of the session. */
  readonly records: readonly TraceRecord[];
  /** undefined: the sidecar has not come yet. */
  readonly breaks: readonly BreakSnapshot[] | undefined;
  /** With those that have left a live window. */
  readonly past: readonly BreakSnapshot[];
  readonly beacons: number;
  /** All beacons of one break have been sent, or everything has been played. */
  readonly isTracked: boolean;
  readonly isPlaying: boolean;
  readonly origin: string;
}

/** The nine steps as far as the facts go. */
export function readServerSteps(facts: ServerFacts): readonly StepView[] {
  const tellers = [
    tellPublisher,
    tellBootstrap,
    tellSession,
    tellContent,
    tellMaster,
    tellStream,
    tellAds,
    tellStitched,
    tellTracking,
  ];
  return SERVER_STEPS.map((text, index) => ({ ...idleStep(text), ...tellers[index]?.(facts) }));
}

type Told = Partial<StepView>;

function tellRequest(url: string, answer: Answer | undefined, facts: readonly string[]): Told {
  const state = answer === undefined ? "active" : isGood(answer) ? "done" : "failed";
  const status = answer?.status || undefined;
  return { state, method: "GET", url, status, ms: answer?.ms, facts };
}

function isGood({ status }: Answer): boolean {
  return status >= 200 && status < 400;
}

function tellPublisher({ contentUrl, adInformation, origin }: ServerFacts): Told {
  const parameters = new URLSearchParams(adInformation).toString().replaceAll("&", ", ");
  return { state: "done", facts: [`content ${formatAddress(contentUrl, origin)}`, `for the ad server ${parameters}`] };
}

function tellBootstrap({ bootstrapUrl, bootstrap, failure }: ServerFacts): Told {
  const isLost = bootstrap !== undefined && !isGood(bootstrap);
  return tellRequest(bootstrapUrl, bootstrap, isLost && failure !== undefined ? [failure] : []);
}

function tellSession({ bootstrap, masterUrl }: ServerFacts): Told {
  const session = bootstrap?.x1?.session;
  return masterUrl === undefined || session === undefined ? {} : { state: "done", facts: [session] };
}

function tellContent({ masterUrl, master, media }: ServerFacts): Told {
  if (masterUrl === undefined) return {};
  if (master && !isGood(master)) return { state: "failed" };
  const told = [
    ["master", master?.x1],
    ["stream", media?.x1],
  ] as const;
  const facts = told.flatMap(([name, x1]) => (x1 ? [`${name} ${formatSource(x1)}`] : []));
  return { state: master ? "done" : "active", facts };
}

function formatSource({ sourceFetchMs, contentHits, contentMisses }: X1): string {
  if (contentMisses === 0 && contentHits > 0) return "from the server’s cache";
  return `${formatMs(sourceFetchMs)} at the source`;
}

function tellMaster({ masterUrl, master, failure }: ServerFacts): Told {
  if (masterUrl === undefined) return {};
  const isLost = master !== undefined && !isGood(master) && failure !== undefined;
  return tellRequest(masterUrl, master, [isLost ? failure : "its address came as JSON, for pttrackingmode=simple"]);
}

function tellStream({ media, stream, failure }: ServerFacts): Told {
  if (!media) return {};
  const lost = isGood(media) || failure === undefined ? [] : [failure];
  return tellRequest(media.url, media, [...(stream === undefined ? [] : [stream]), ...lost]);
}

function tellAds({ media, records, cdn }: ServerFacts): Told {
  if (!media || !isGood(media)) return {};
  const calls = listAdCalls(records);
  const resolutions = listResolutions(records);
  const call = calls.at(-1);
  if (!call) return { state: "active", facts: ["not yet: ads are asked for at a break"] };
  const taken = resolutions.filter(({ playlistUrl }) => playlistUrl !== undefined);
  const isOwn = ({ creativeUrl, playlistUrl }: AdResolution): boolean => creativeUrl === playlistUrl;
  const copies = taken.filter((one) => !isOwn(one)).length;
  const skipped = resolutions.filter(({ playlistUrl }) => playlistUrl === undefined);
  const ordered = listOrders(records);
  const parts = [
    ...(Number(call.status) < 400 ? ["a"] : []),
    ...(taken.some(isOwn) ? ["b"] : []),
    ...(copies > 0 ? ["c"] : []),
    ...(ordered.length > 0 ? ["d"] : []),
  ];
  const lookups = copies + (ordered.length > 0 ? skipped.length : 0);
  const reasons = [...new Set(skipped.flatMap(({ reason }) => parseReason(reason) ?? []))];
  return {
    state: Number(call.status) < 400 ? "done" : "failed",
    parts,
    status: Number(call.status) || undefined,
    ms: call.ms,
    method: "GET",
    url: call.url,
    facts: [
      ...(lookups > 0 ? [`CDN ${cdn} has ${copies} of ${lookups} copies`] : []),
      ...(ordered.length > 0 ? [`CRS asked for ${ordered.map(nameFile).join(", ")}`] : []),
      ...reasons.map((reason) => `left out: ${reason}${formatError(reason)}`),
    ],
  };
}

/** The number that the server tells the ad's error URLs. */
function formatError(reason: SkipReason): string {
  const number = VAST_ERROR_OF_SKIP[reason];
  return number === undefined ? "" : `, which the server reports as VAST error ${number}`;
}

function nameFile(url: string): string {
  return url.split("/").at(-1) ?? url;
}

function tellStitched({ media, breaks }: ServerFacts): Told {
  if (!media?.x1 || !isGood(media)) return {};
  const { insertedAds, breakSeconds, totalMs } = media.x1;
  const ads = `${insertedAds} ad${insertedAds === 1 ? "" : "s"}`;
  const sum = insertedAds > 0 ? `${ads} in it, ${breakSeconds} s` : "content alone: no ad in it";
  const placed = (breaks ?? []).filter(({ state }) => state === "placed");
  const times = placed.map((snapshot) => {
    const titles = snapshot.ads.map(({ title }) => title).join(", ");
    const place = formatPlace(snapshot, formatTime(snapshot.contentTime)).toLowerCase();
    return `${place}: ${titles}, ${snapshot.duration.toFixed(0)} s`;
  });
  return { state: "done", facts: [`${sum}; written in ${formatMs(totalMs)}`, ...times] };
}

function tellTracking({ breaks, beacons, isTracked, isPlaying }: ServerFacts): Told {
  if (!isPlaying) return {};
  const sent = `${beacons} beacon${beacons === 1 ? "" : "s"} sent`;
  const facts = breaks ? [sent] : ["the sidecar has not come yet"];
  return { state: isTracked ? "done" : "active", facts: beacons > 0 ? facts : breaks ? [] : facts };
}
