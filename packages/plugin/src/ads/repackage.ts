/**
 * The client's request to have a creative repackaged, which goes to the ad server, and the status URL that it answers.
 *
 * @see primetime.md §3.3 steps 3 and 4; Detailed Workflows for JIT Repackaging, "initiated by the client", steps 4b to 6
 */
import {
  type Ad,
  AdError,
  type CreativeState,
  type RepackageAnswer,
  type RepackageRequest,
  type TextResponse,
} from "@interlude/core";
import { readMember } from "../json.ts";
import type { Settings } from "../options.ts";
import type { PluginPorts } from "../ports.ts";
import { sleep } from "../sleep.ts";

/** What the ad server said, with the request as it went; `status` is undefined where no answer came. */
export interface RepackageExchange {
  readonly answer: RepackageAnswer;
  readonly url: string;
  readonly status: number | undefined;
  readonly ms: number;
}

/** One look at CRS: `progress` goes from 0 to 1. */
export interface RepackageStatus {
  readonly state: CreativeState;
  readonly progress: number;
  readonly status: number;
  readonly ms: number;
}

const MAX_BYTES = 65_536;

/** What the ad server means for good; anything else may pass. */
const REFUSALS: readonly number[] = [400, 401, 403, 404, 413, 422];

/** Never throws: a request that gets no answer is `unavailable`. */
export async function requestRepackage(
  request: RepackageRequest,
  ad: Ad,
  settings: Settings,
  ports: PluginPorts,
): Promise<RepackageExchange> {
  const url = settings.repackageUrl;
  if (!url) return { answer: { outcome: "unavailable" }, url: "", status: undefined, ms: 0 };
  const body = {
    zone: request.zone,
    creativeUrl: request.creativeUrl,
    packaging: request.cut.packaging,
    targetDuration: request.cut.targetDuration,
    adSystem: ad.adSystem || undefined,
    adId: ad.id,
    creativeId: request.creative.id,
    ticket: request.creative.mediaFiles.find(({ url }) => url === request.creativeUrl)?.repackageTicket,
  };
  const startedAt = ports.now();
  let status: number | undefined;
  try {
    const options = { timeoutMs: settings.repackageTimeoutMs, maxBytes: MAX_BYTES };
    const response = await ports.postJson(url, body, options);
    status = response.status;
    return { answer: parseAnswer(response), url: url.href, status, ms: ports.now() - startedAt };
  } catch {
    return { answer: { outcome: "unavailable" }, url: url.href, status, ms: ports.now() - startedAt };
  }
}

function parseAnswer(response: TextResponse): RepackageAnswer {
  if (response.status !== 202 && response.status !== 200)
    return { outcome: REFUSALS.includes(response.status) ? "refused" : "unavailable" };
  const value: unknown = JSON.parse(response.text);
  const key = readMember(value, "key");
  const state = readState(value);
  const statusUrl = readMember(value, "statusUrl");
  if (typeof key === "string" && state !== undefined && typeof statusUrl === "string")
    return { outcome: "accepted", key, state, statusUrl: new URL(statusUrl, response.url) };
  throw new AdError("upstream-status", `${response.url.href}: expected key, state and statusUrl`);
}

const STATES: readonly CreativeState[] = [
  "absent",
  "queued",
  "fetching",
  "transcoding",
  "publishing",
  "ready",
  "failed",
  "blocked",
];

const FINAL: readonly CreativeState[] = ["ready", "failed", "blocked"];

function readState(value: unknown): CreativeState | undefined {
  const state = readMember(value, "state");
  return STATES.find((known) => known === state);
}

const POLL_MS = 5000;
const LEAST_POLL_MS = 250;
const MAX_POLLS = 360;

/**
 * Asks the status URL, a long poll, until CRS is done with the creative; ends as well at the first answer that is none.
 *
 * @param onStatus called with each answer
 */
export async function followRepackaging(
  statusUrl: URL,
  ports: PluginPorts,
  ended: AbortSignal,
  onStatus: (status: RepackageStatus) => void,
): Promise<void> {
  const url = new URL(statusUrl);
  url.searchParams.set("wait", String(POLL_MS));
  for (let polls = 0; polls < MAX_POLLS; polls++) {
    const startedAt = ports.now();
    const response = await ports.fetchText(url, { timeoutMs: POLL_MS * 3, maxBytes: MAX_BYTES });
    if (response.status !== 200) return;
    const value: unknown = JSON.parse(response.text);
    const state = readState(value);
    const progress = readMember(value, "progress");
    if (state === undefined || typeof progress !== "number") return;
    onStatus({ state, progress, status: response.status, ms: ports.now() - startedAt });
    if (FINAL.includes(state)) return;
    // a server that does not wait as it is asked to is not asked at once again
    await sleep(Math.max(0, LEAST_POLL_MS - (ports.now() - startedAt)), ended);
    if (ended.aborted) return;
  }
}
