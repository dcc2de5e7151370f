/**
 * The embedded database as its users see it: PGlite on a thread of its own, so that requests are answered while a statement runs. The
 * thread goes with the process, whatever ends that.
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { inTime } from "../in-time.ts";
import type { Order, Report } from "./pglite-thread.ts";
import type { Queryable } from "./queryable.ts";

/** One connection; what pg-boss asks of PGlite is among it. */
export interface Pglite {
  query<Row>(sql: string, values?: readonly unknown[]): Promise<{ rows: Row[] }>;
  /** Several statements without values; the rows of each. */
  exec(sql: string): Promise<{ rows: unknown[] }[]>;
  /** Commits when `run` returns, rolls back when it throws. All else waits meanwhile: inside it only `tx` may be used. */
  transaction<T>(run: (tx: Queryable) => Promise<T>): Promise<T>;
  /** Until the database is closed, or the function that it returns is called. */
  listen(channel: string, onPayload: (payload: string) => void): Promise<() => Promise<void>>;
  /**
   * Safe to call twice, and after the thread was lost. The thread is over then, whatever comes of it.
   *
   * @throws the database's error; AdError `upstream-timeout` where the thread did not answer, and what was under way is taken back at the
   * next opening
   */
  close(): Promise<void>;
}

export interface PgliteOptions {
  /** Told once where the thread ends, though nobody closed the database: nothing can be asked of it any more. */
  readonly onLost?: ((error: Error) => void) | undefined;
  /** How long closing may take before the thread is ended, in ms; 10 s where left out. */
  readonly closeTimeoutMs?: number;
}

const CLOSE_TIMEOUT_MS = 10_000;

/** Beside this file, built as this one is. */
const PROGRAM = new URL(`./pglite-thread${extname(import.meta.url)}`, import.meta.url);

/** @throws Error where the files in the directory cannot be opened */
export async function openPglite(
  directory: string,
  { onLost, closeTimeoutMs = CLOSE_TIMEOUT_MS }: PgliteOptions = {},
): Promise<Pglite> {
  const thread = createThread(new Worker(PROGRAM, { workerData: directory }), onLost);
  await thread.open();
  const query = async <Row>(sql: string, values: readonly unknown[] = [], tx?: number): Promise<Row[]> =>
    thread.send({ kind: "query", sql, values, ...(tx === undefined ? {} : { tx }) });
  let transactions = 0;
  let closing: Promise<void> | undefined;
  return {
    query: async (sql, values) => ({ rows: await query(sql, values) }),
    exec: async (sql) => (await thread.send<unknown[][]>({ kind: "script", sql })).map((rows) => ({ rows })),
    transaction: async (run) => {
      const tx = ++transactions;
      try {
        await thread.send({ kind: "begin", tx });
        const result = await run({ query: (sql, values) => query(sql, values, tx) });
        await thread.send({ kind: "commit", tx });
        return result;
      } catch (error) {
        await thread.send({ kind: "rollback", tx }).catch(() => undefined);
        throw error;
      }
    },
    listen: async (channel, onPayload) => {
      const end = thread.hear(channel, onPayload);
      await thread.send({ kind: "listen", channel });
      return async () => end();
    },
    close: () => {
      closing ??= thread.close(closeTimeoutMs);
      return closing;
    },
  };
}

interface Thread {
  /** Resolves when the database is open; where it cannot be, the thread is over. */
  open(): Promise<void>;
  /** @throws the database's error; Error where the thread has ended */
  send<Value>(order: Order): Promise<Value>;
  /** Returns what ends it. */
  hear(channel: string, onPayload: (payload: string) => void): () => void;
  close(timeoutMs: number): Promise<void>;
}

/** A method, so that the value may be taken for what its order asked for. */
interface Waiting {
  resolve(value: unknown): void;
  readonly reject: (error: Error) => void;
}

function createThread(worker: Worker, onLost: PgliteOptions["onLost"]): Thread {
  const replies = createReplies(worker);
  const listeners = createListeners();
  let state: "opening" | "open" | "closing" = "opening";
  let failure: Error | undefined;
  let sent = 0;
  const fail = (error: Error): void => {
    if (failure) return;
    failure = error;
    replies.rejectAll(error);
    if (state === "open") onLost?.(error);
  };
  const send = <Value>(order: Order): Promise<Value> => {
    if (failure) return Promise.reject(failure);
    const id = ++sent;
    // Copied, nothing is handed over.
    worker.postMessage({ id, order }, []);
    return replies.wait(id);
  };
  const end = async (): Promise<void> => void (await worker.terminate());
  worker.on("message", (report: Report) => {
    if (report.kind === "notified") listeners.tell(report.channel, report.payload);
    else replies.settle(report);
  });
  worker.on("error", (error) => fail(error instanceof Error ? error : new Error(String(error))));
  worker.on("exit", () => fail(new Error("the embedded database has ended")));
  return {
    open: async () => {
      try {
        await replies.wait(OPENED);
        state = "open";
      } catch (error) {
        await end();
        throw error;
      }
    },
    send,
    hear: listeners.hear,
    close: async (timeoutMs) => {
      state = "closing";
      try {
        if (!failure) await inTime(send({ kind: "close" }), "the embedded database, which is to close", timeoutMs);
      } finally {
        await end();
      }
    },
  };
}

interface Listeners extends Pick<Thread, "hear"> {
  tell(channel: string, payload: string): void;
}

function createListeners(): Listeners {
  const heard = new Map<string, Set<(payload: string) => void>>();
  return {
    hear: (channel, onPayload) => {
      const known = heard.get(channel) ?? new Set();
      heard.set(channel, known.add(onPayload));
      return () => void known.delete(onPayload);
    },
    tell: (channel, payload) => {
      for (const onPayload of heard.get(channel) ?? []) onPayload(payload);
    },
  };
}

/** What a thread tells without an order: that it is there. */
const OPENED = 0;

interface Replies {
  wait<Value>(id: number): Promise<Value>;
  settle(report: Exclude<Report, { readonly kind: "notified" }>): void;
  rejectAll(error: Error): void;
}

function createReplies(worker: Worker): Replies {
  const waiting = new Map<number, Waiting>();
  const take = (id: number): Waiting | undefined => {
    const one = waiting.get(id);
    waiting.delete(id);
    // A process that has nothing else to do ends, as without a thread.
    if (waiting.size === 0) worker.unref();
    return one;
  };
  return {
    wait: (id) =>
      new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        worker.ref();
      }),
    settle: (report) => {
      const one = take(report.id);
      if (report.kind === "done") one?.resolve(report.value);
      else one?.reject(Object.assign(new Error(report.message), report.fields));
    },
    rejectAll: (error) => {
      for (const id of waiting.keys()) take(id)?.reject(error);
    },
  };
}
