/**
 * The embedded database as its users see it: PGlite on a thread of its own, so that requests are answered while a statement runs. The
 * thread goes with the process, whatever ends that.
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
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
  /** Safe to call twice. */
  close(): Promise<void>;
}

/** Beside this file, built as this one is. */
const PROGRAM = new URL(`./pglite-thread${extname(import.meta.url)}`, import.meta.url);

/** @throws Error where the files in the directory cannot be opened */
export async function openPglite(directory: string): Promise<Pglite> {
  const thread = createThread(new Worker(PROGRAM, { workerData: directory }));
  await thread.opened;
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
      closing ??= thread.send<void>({ kind: "close" }).finally(thread.end);
      return closing;
    },
  };
}

interface Thread {
  /** Resolves when the database is open. */
  readonly opened: Promise<void>;
  /** @throws the database's error; Error where the thread has ended */
  send<Value>(order: Order): Promise<Value>;
  /** Returns what ends it. */
  hear(channel: string, onPayload: (payload: string) => void): () => void;
  end(): Promise<void>;
}

/** A method, so that the value may be taken for what its order asked for. */
interface Waiting {
  resolve(value: unknown): void;
  readonly reject: (error: Error) => void;
}

function createThread(worker: Worker): Thread {
  const waiting = new Map<number, Waiting>();
  const heard = new Map<string, Set<(payload: string) => void>>();
  let failure: Error | undefined;
  let sent = 0;
  const wait = <Value>(id: number): Promise<Value> =>
    new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.ref();
    });
  const settle = (id: number, outcome: (one: Waiting) => void): void => {
    const one = waiting.get(id);
    waiting.delete(id);
    // A process that has nothing else to do ends, as without a thread.
    if (waiting.size === 0) worker.unref();
    if (one) outcome(one);
  };
  const fail = (error: Error): void => {
    failure ??= error;
    for (const id of waiting.keys()) settle(id, ({ reject }) => reject(error));
  };
  worker.on("message", (report: Report) => {
    if (report.kind === "notified") for (const onPayload of heard.get(report.channel) ?? []) onPayload(report.payload);
    else if (report.kind === "done") settle(report.id, (one) => one.resolve(report.value));
    else settle(report.id, ({ reject }) => reject(Object.assign(new Error(report.message), report.fields)));
  });
  worker.on("error", (error) => fail(error instanceof Error ? error : new Error(String(error))));
  worker.on("exit", () => fail(new Error("the embedded database has ended")));
  return {
    opened: wait(0),
    send: (order) => {
      if (failure) return Promise.reject(failure);
      const id = ++sent;
      // Copied, nothing is handed over.
      worker.postMessage({ id, order }, []);
      return wait(id);
    },
    hear: (channel, onPayload) => {
      const listeners = heard.get(channel) ?? new Set();
      heard.set(channel, listeners.add(onPayload));
      return () => void listeners.delete(onPayload);
    },
    end: async () => void (await worker.terminate()),
  };
}
