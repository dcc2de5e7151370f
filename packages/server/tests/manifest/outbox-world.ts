/** What the tests of the outbox share: one with the real client, hosts that count what they are asked, and a clock that only the test moves. */
import type { RequestListener } from "node:http";
import { onTestFinished } from "vitest";
import { createGuardedFetch } from "../../src/guarded-fetch.ts";
import { createManifestFetch, type WorldFetchDeps } from "../../src/manifest/own-fetch.ts";
import { createOutbox, type Outbox, type OutboxDeps } from "../../src/manifest/tracking/outbox.ts";
import { createMemoryOutbox } from "../../src/manifest/tracking/outbox-memory.ts";
import type { OutboxBeacon, OutboxRows } from "../../src/manifest/tracking/outbox-rows.ts";
import { createBeaconSend, type SendBeacon } from "../../src/manifest/tracking/outbox-send.ts";
import { type Loopback, loopback } from "../http/loopback.ts";

export const BOUNDS = { waitingPerHost: 1000, waitingOverall: 5000 };
export const START = Date.UTC(2027, 0, 15, 8);
export const HOUR_MS = 3_600_000;

export interface CountingHost extends Loopback {
  /** Path of each request that arrived, in order. */
  readonly asked: string[];
}

/** A host of one's own, which answers as told. */
export async function countingHost(answer: RequestListener, port = 0): Promise<CountingHost> {
  const asked: string[] = [];
  const listener: RequestListener = (request, response) => {
    asked.push(request.url ?? "");
    answer(request, response);
  };
  return { ...(await loopback(listener, "127.0.0.1", port)), asked };
}

/** Answers with a status each time; the last one stays. */
export function statuses(
  list: readonly number[],
  headers: () => Readonly<Record<string, string>> = () => ({}),
): RequestListener {
  let answered = 0;
  return (_request, response) => {
    const status = list[Math.min(answered++, list.length - 1)] ?? 204;
    response.writeHead(status, headers()).end();
  };
}

export function beaconTo(url: string, more: Partial<OutboxBeacon> = {}): OutboxBeacon {
  const headers = { "user-agent": "Player/1", "x-device-user-agent": "Player/1", "x-forwarded-for": "203.0.113.9" };
  return { sessionId: "session-1", event: "impression", url, headers, time: 0, adSystem: "Ads", ...more };
}

type Own = Pick<WorldFetchDeps, "own" | "isOwn">;

const NO_OWN: Own = {
  own: () => Promise.reject(new Error("expected no address of this server")),
  isOwn: () => false,
};

/** The guarded client behind the manifest server's, private ports allowed. */
function realSend({ ports, timeoutMs = 5000, own = NO_OWN }: OutboxWorldOptions, now: () => number): SendBeacon {
  const guarded = createGuardedFetch({ allowPrivate: ports.map((port) => `127.0.0.1:${port}`) });
  onTestFinished(() => guarded.close());
  return createBeaconSend({ fetch: createManifestFetch({ fetch: guarded, ...own }), now, timeoutMs });
}

export interface OutboxWorld {
  readonly outbox: Outbox;
  readonly clock: { at: number };
  /** `impression sent` */
  readonly ended: string[];
  readonly retried: string[];
  /** Status of each request. */
  readonly requested: number[];
  readonly errors: unknown[];
  /** Adds, and waits until nothing is under way. */
  readonly send: (...urls: readonly string[]) => Promise<void>;
  /** Moves the clock and lets the outbox look and sweep. */
  readonly pass: (ms: number) => Promise<void>;
}

export interface OutboxWorldOptions {
  readonly ports: readonly number[];
  readonly rows?: OutboxRows;
  readonly clock?: { at: number };
  /** Of a request. */
  readonly timeoutMs?: number;
  /** How addresses of this server are told, and answered. */
  readonly own?: Own;
  readonly limits?: OutboxDeps["limits"];
  readonly send?: SendBeacon;
}

/** Back-off without its chance. */
export function outboxWorld(options: OutboxWorldOptions): OutboxWorld {
  const { rows = createMemoryOutbox(BOUNDS), clock = { at: START }, limits } = options;
  const [ended, retried, requested, errors]: [string[], string[], number[], unknown[]] = [[], [], [], []];
  const now = (): number => clock.at;
  const outbox = createOutbox({
    rows,
    send: options.send ?? realSend(options, now),
    now,
    random: () => 0.5,
    onEnd: ({ event }, outcome) => ended.push(`${event} ${outcome}`),
    onRequest: (_beacon, status) => requested.push(status),
    onRetry: (cause) => retried.push(cause),
    onError: (error) => errors.push(error),
    ...(limits && { limits }),
  });
  onTestFinished(() => outbox.close());
  return {
    outbox,
    clock,
    ended,
    retried,
    requested,
    errors,
    send: async (...urls) => {
      await Promise.all(urls.map((url) => outbox.add(beaconTo(url))));
      await outbox.idle();
    },
    pass: async (ms) => {
      clock.at += ms;
      await outbox.sweep();
      outbox.look();
      await outbox.idle();
    },
  };
}
