/**
 * How far CRS is with creatives, asked by one long poll each, whoever wants to know. An answer is asked for again only when it came, and
 * seldom where a server does not wait as it is asked to.
 */
import type { CreativeState } from "@interlude/core";
import { parseJson, readMember } from "../json.ts";
import type { PluginPorts } from "../ports.ts";
import { sleep } from "../sleep.ts";

/** One look at CRS. */
export interface RepackageStatus {
  readonly state: CreativeState;
  /** From 0 to 1. */
  readonly progress: number;
  /** Of HTTP. */
  readonly status: number;
  readonly ms: number;
  /** The copy, as soon as it plays; it may get better later. */
  readonly url: URL | undefined;
  /** What plays meanwhile, where TARGETDURATION may be raised. */
  readonly remuxUrl: URL | undefined;
  /** Why it failed or is blocked. */
  readonly reason: string | undefined;
}

export interface StatusListener {
  /** Milliseconds that an answer may take. */
  readonly waitMs: () => number;
  /** Told the last answer at once where there is one. */
  readonly onStatus: (status: RepackageStatus) => void;
  /** No more answers come: CRS is done, or cannot be asked. */
  readonly onEnd: (message: string) => void;
}

export interface StatusPolls {
  /** @returns what ends it for this listener */
  readonly watch: (statusUrl: URL, listener: StatusListener) => () => void;
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

const MAX_BYTES = 65_536;
/** The server's own limit. */
const MAX_WAIT_MS = 10_000;
const TIMEOUT_MS = 15_000;
const LEAST_GAP_MS = 250;
const MOST_GAP_MS = 2000;
const RETRY_MS = 500;
const MAX_POLLS = 360;

/** @param ended aborted when nobody wants to know any more */
export function createStatusPolls(ports: Pick<PluginPorts, "fetchText" | "now">, ended: AbortSignal): StatusPolls {
  const polls = new Map<string, Poll>();
  return {
    watch: (statusUrl, listener) => {
      const { href } = statusUrl;
      let poll = polls.get(href);
      if (!poll) {
        poll = { listeners: new Set([listener]), last: undefined };
        polls.set(href, poll);
        void follow(statusUrl, poll, ports, ended).then((message) => {
          polls.delete(href);
          for (const one of poll?.listeners ?? []) one.onEnd(message);
        });
      } else {
        poll.listeners.add(listener);
        if (poll.last) listener.onStatus(poll.last);
      }
      const { listeners } = poll;
      return () => listeners.delete(listener);
    },
  };
}

interface Poll {
  readonly listeners: Set<StatusListener>;
  last: RepackageStatus | undefined;
}

/** Never rejects. @returns why it ended */
async function follow(
  statusUrl: URL,
  poll: Poll,
  ports: Pick<PluginPorts, "fetchText" | "now">,
  ended: AbortSignal,
): Promise<string> {
  let gapMs = LEAST_GAP_MS;
  for (let [polls, failures] = [0, 0]; poll.listeners.size > 0 && !ended.aborted && polls < MAX_POLLS; polls++) {
    const waitMs = Math.max(0, ...[...poll.listeners].map((listener) => listener.waitMs()));
    const startedAt = ports.now();
    const status = await askOnce(statusUrl, Math.min(MAX_WAIT_MS, Math.ceil(waitMs)), ports);
    if (typeof status === "string") {
      if (failures++ > 0) return status;
      await sleep(RETRY_MS, ended);
      continue;
    }
    const isNews = nameStage(status) !== (poll.last && nameStage(poll.last));
    failures = 0;
    poll.last = status;
    for (const listener of poll.listeners) listener.onStatus(status);
    if (FINAL.includes(status.state)) return `${statusUrl.href}: ${status.state}`;
    gapMs = isNews ? LEAST_GAP_MS : Math.min(MOST_GAP_MS, gapMs * 2);
    await sleep(Math.max(0, gapMs - (ports.now() - startedAt)), ended);
  }
  return `${statusUrl.href}: not asked any more`;
}

function nameStage({ state, progress, url, remuxUrl }: RepackageStatus): string {
  return [state, progress, url?.href, remuxUrl?.href].join(" ");
}

/** @returns a sentence where there is no answer that can be read */
async function askOnce(
  statusUrl: URL,
  waitMs: number,
  ports: Pick<PluginPorts, "fetchText" | "now">,
): Promise<RepackageStatus | string> {
  const url = new URL(statusUrl);
  url.searchParams.set("wait", String(waitMs));
  const startedAt = ports.now();
  try {
    const response = await ports.fetchText(url, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES });
    if (response.status !== 200) return `${statusUrl.href}: expected status 200, got ${response.status}`;
    const value = parseJson(response.text);
    const state = readState(value);
    const progress = readMember(value, "progress");
    if (state === undefined || typeof progress !== "number")
      return `${statusUrl.href}: expected state and progress, got ${response.text.slice(0, 60)}`;
    const reason = readMember(value, "reason");
    return {
      state,
      progress,
      status: response.status,
      ms: ports.now() - startedAt,
      url: readUrl(readMember(value, "url"), response.url),
      remuxUrl: readUrl(readMember(value, "remuxUrl"), response.url),
      reason: typeof reason === "string" ? reason.slice(0, 200) : undefined,
    };
  } catch (cause) {
    return String(cause);
  }
}

/** Undefined for what is no state. */
export function readState(value: unknown): CreativeState | undefined {
  const state = readMember(value, "state");
  return STATES.find((known) => known === state);
}

function readUrl(value: unknown, base: URL): URL | undefined {
  return typeof value === "string" && URL.canParse(value, base) ? new URL(value, base) : undefined;
}
