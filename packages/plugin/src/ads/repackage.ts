/**
 * The client's request to have a creative repackaged, which goes to the ad server, and the status URL that it answers.
 *
 * @see primetime.md §3.3 steps 3 and 4; Detailed Workflows for JIT Repackaging, "initiated by the client", steps 4b to 6
 */
import { type Ad, AdError, type RepackageAnswer, type RepackageRequest, type TextResponse } from "@interlude/core";
import { readMember } from "../json.ts";
import type { Settings } from "../options.ts";
import type { PluginPorts } from "../ports.ts";
import { readState, type RepackageStatus, type StatusPolls } from "./status-polls.ts";

/** What the ad server said, with the request as it went; `status` is undefined where no answer came. */
export interface RepackageExchange {
  readonly answer: RepackageAnswer;
  readonly url: string;
  readonly status: number | undefined;
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

const POLL_MS = 5000;

/**
 * How CRS goes on with the creative, until it is done with it or does not answer.
 *
 * @param onStatus called with each answer
 */
export function followRepackaging(
  statusUrl: URL,
  polls: StatusPolls,
  onStatus: (status: RepackageStatus) => void,
): void {
  polls.watch(statusUrl, { waitMs: () => POLL_MS, onStatus, onEnd: () => undefined });
}
