/**
 * How often one client may ask for reports: five times within five seconds at once, five more with a delay of five seconds, and no more.
 *
 * @see primetime.md §2.10 (report API)
 */
import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { HttpError } from "../http-error.ts";

export interface ThrottleOptions {
  /** ms since the epoch */
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<unknown>;
}

const WINDOW_MS = 5_000;
const [AT_ONCE, AT_MOST] = [5, 10];
const MAX_CLIENTS = 10_000;

/**
 * Resolves when the client's turn has come.
 *
 * @throws HttpError `quota-exceeded` with the seconds to wait
 */
export type Throttle = (client: string) => Promise<void>;

/** Who is made to wait is let go when the app closes. */
export function openThrottle(app: FastifyInstance, now: ThrottleOptions["now"]): Throttle {
  const closing = new AbortController();
  app.addHook("preClose", async () => closing.abort());
  const wait = (ms: number): Promise<unknown> =>
    delay(ms, undefined, { signal: closing.signal }).catch(() => undefined);
  return createThrottle({ now, wait });
}

export function createThrottle({ now, wait }: ThrottleOptions): Throttle {
  const clients = new Map<string, readonly number[]>();
  const forgetOld = (time: number): void => {
    for (const [client, times] of clients)
      if (times.every((asked) => asked <= time - WINDOW_MS)) clients.delete(client);
  };
  return async (client) => {
    const time = now();
    if (clients.size >= MAX_CLIENTS) forgetOld(time);
    const recent = (clients.get(client) ?? []).filter((asked) => asked > time - WINDOW_MS);
    const [oldest = time] = recent;
    if (recent.length >= AT_MOST) {
      const message = `report: expected at most ${AT_MOST} requests in ${WINDOW_MS / 1000} s, got more`;
      throw new HttpError("quota-exceeded", message, { retryAfterSeconds: (oldest + WINDOW_MS - time) / 1000 });
    }
    clients.set(client, [...recent, time]);
    if (recent.length >= AT_ONCE) await wait(WINDOW_MS);
  };
}
