/**
 * The thread of the embedded database: PGlite works without a pause for as long as a statement takes, and no answer waits for it here.
 * It does what it is told in the order of telling, and nothing outside a transaction while there is one.
 */
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";

/** What the thread is told. `tx`: inside that transaction. */
export type Order =
  | { readonly kind: "query"; readonly sql: string; readonly values: readonly unknown[]; readonly tx?: number }
  | { readonly kind: "script"; readonly sql: string }
  | { readonly kind: "begin"; readonly tx: number }
  | { readonly kind: "commit" | "rollback"; readonly tx: number }
  | { readonly kind: "listen"; readonly channel: string }
  | { readonly kind: "close" };

/** What it tells: the outcome of an order, which `id` names, or what a channel that is listened to hears. */
export type Report =
  | { readonly kind: "done"; readonly id: number; readonly value?: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly message: string; readonly fields: ErrorFields }
  | { readonly kind: "notified"; readonly channel: string; readonly payload: string };

/** Of an error of PostgreSQL. */
export type ErrorFields = Readonly<Record<string, string>>;

/** @see PostgreSQL 17 §53.8 (error fields) */
const FIELDS = ["name", "code", "severity", "detail", "hint", "schema", "table", "column", "constraint"] as const;

interface OpenTransaction {
  readonly query: (sql: string, values: readonly unknown[]) => Promise<unknown>;
  /** Resolves when it is over. */
  readonly end: (isKept: boolean) => Promise<void>;
}

class RolledBack extends Error {}

const port = parentPort;
if (port === null) throw new Error("expected to be a thread, got the process itself");
const directory: string = workerData;
const pglite = await PGlite.create(directory).catch((cause: unknown) => {
  // What the system refuses comes as an object of WebAssembly's own.
  const reason = cause instanceof Error ? cause.message : JSON.stringify(cause);
  throw new Error(`${directory}: expected the files of a database, or none, got ${reason}`);
});
const transactions = new Map<number, OpenTransaction>();
const channels = new Set<string>();

/** Resolves when the transaction has begun. */
function begin(tx: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = pglite.transaction(async ({ query }) => {
      const isKept = await new Promise<boolean>((end) => {
        transactions.set(tx, {
          query: async (sql, values) => (await query(sql, [...values])).rows,
          end: (isWanted) => {
            end(isWanted);
            return over;
          },
        });
        resolve();
      });
      if (!isKept) throw new RolledBack();
    });
    over.catch(reject);
  });
}

/** One that never began, or whose end failed, is over. */
async function end(tx: number, isKept: boolean): Promise<void> {
  const transaction = transactions.get(tx);
  transactions.delete(tx);
  await transaction?.end(isKept).catch((error: unknown) => {
    if (!(error instanceof RolledBack)) throw error;
  });
}

async function runQuery({ sql, values, tx }: Extract<Order, { readonly kind: "query" }>): Promise<unknown> {
  if (tx === undefined) return (await pglite.query(sql, [...values])).rows;
  const transaction = transactions.get(tx);
  if (transaction === undefined) throw new Error("expected a transaction that is open, got one that is over");
  return transaction.query(sql, values);
}

/** Once for all who hear it. */
async function listen(channel: string): Promise<void> {
  if (channels.has(channel)) return;
  channels.add(channel);
  await pglite.listen(channel, (payload) => tell({ kind: "notified", channel, payload }));
}

async function run(order: Order): Promise<unknown> {
  switch (order.kind) {
    case "query":
      return runQuery(order);
    case "script":
      return (await pglite.exec(order.sql)).map(({ rows }) => rows);
    case "begin":
      return begin(order.tx);
    case "commit":
    case "rollback":
      return end(order.tx, order.kind === "commit");
    case "listen":
      return listen(order.channel);
    case "close":
      return pglite.close();
  }
}

function tell(report: Report): void {
  // Copied, nothing is handed over.
  port?.postMessage(report, []);
}

/** Errors are told field by field: between threads they keep their message only. */
function describe(error: unknown): Pick<Extract<Report, { readonly kind: "failed" }>, "message" | "fields"> {
  if (!(error instanceof Error)) return { message: String(error), fields: {} };
  const known = new Map<string, unknown>(Object.entries(error));
  const fields = FIELDS.flatMap((name) => {
    const value = known.get(name);
    return typeof value === "string" ? [[name, value]] : [];
  });
  return { message: error.message, fields: Object.fromEntries(fields) };
}

port.on("message", ({ id, order }: { readonly id: number; readonly order: Order }) => {
  run(order).then(
    (value) => tell({ kind: "done", id, value }),
    (error: unknown) => tell({ kind: "failed", id, ...describe(error) }),
  );
});
tell({ kind: "done", id: 0 });
