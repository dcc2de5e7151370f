/**
 * The one database of a server: PGlite in a directory of its own when embedded, PostgreSQL when a URL is given. The same SQL,
 * the same migrations and the same job queue (pg-boss) run on both.
 */
import { join } from "node:path";
import { Pool, type PoolClient } from "pg";
import { fromPglite, PgBoss } from "pg-boss";
import { inTime } from "../in-time.ts";
import { lockDirectory } from "./directory-lock.ts";
import { listen } from "./listener.ts";
import { migrate } from "./migrate.ts";
import { MIGRATIONS } from "./migrations.ts";
import { openPglite, type Pglite } from "./pglite.ts";
import type { Queryable } from "./queryable.ts";

export type { Queryable } from "./queryable.ts";

export interface Database extends Queryable {
  /** Commits when `run` returns, rolls back when it throws. Inside it only `tx` may be used: PGlite has one connection. */
  transaction<T>(run: (tx: Queryable) => Promise<T>): Promise<T>;
  /**
   * Hears what other processes tell by `pg_notify(channel, payload)`, until the function that it returns is called. Embedded:
   * there are no others.
   *
   * @param channel letters and _
   */
  listen(channel: string, onPayload: (payload: string) => void): Promise<() => Promise<void>>;
  /** Started. Whoever needs a queue makes it. */
  readonly boss: PgBoss;
  /** Embedded: no other process can be at work on the same rows. */
  readonly isEmbedded: boolean;
  /** Lets running jobs end for at most 10 s, then closes everything, in 15 s more at the most. Safe to call twice. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** `postgres://…`; without it the database is embedded. */
  readonly databaseUrl?: string | undefined;
  /** The embedded database's folder, made where missing. */
  readonly directory: string;
  /** Faults of the queue's background work; they are not fatal, it goes on. */
  readonly onError?: (error: Error) => void;
  /** Told once where the embedded database has come to its end by itself: nothing can be asked of it until it is closed and opened anew. */
  readonly onLost?: ((error: Error) => void) | undefined;
  /** For how long PostgreSQL may be silent, in ms; 90 s where left out. */
  readonly answerTimeoutMs?: number;
}

/** Recovery of a dead worker's job takes heartbeat (10 s) + supervision: pg-boss's default of 60 s is too slow. */
const BOSS_OPTIONS = {
  useListenNotify: true,
  superviseIntervalSeconds: 5,
  monitorIntervalSeconds: 5,
  schedule: false,
} as const;

const STOP_TIMEOUT_MS = 10_000;
/** Behind that, for what the queue still writes; a database that says nothing must not keep it. */
const STOP_MARGIN_MS = 5_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Longer than a statement may take: then nobody is there, though TCP goes on hoping. */
const ANSWER_TIMEOUT_MS = 90_000;
const ROLLBACK = { text: "rollback", query_timeout: 2_000 };

/**
 * A machine that is gone says no goodbye, and the server keeps its transaction, with every lock in it, for as long as TCP hopes: hours. Told
 * per transaction, because poolers refuse connections that ask for it.
 */
const BEGIN = "begin; set local idle_in_transaction_session_timeout = '30s'; set local statement_timeout = '60s'";

/**
 * Opens the database, brings its schema up to date and starts the queue.
 *
 * @throws DirectoryInUse when another process has the embedded directory open; the driver's error when PostgreSQL is not there
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.databaseUrl === undefined ? openEmbedded(options) : openPostgres(options.databaseUrl, options);
}

async function openEmbedded(options: DatabaseOptions): Promise<Database> {
  const lock = lockDirectory(options.directory);
  let pglite: Pglite | undefined;
  try {
    const opened = await openPglite(join(options.directory, "pglite"), { onLost: options.onLost });
    pglite = opened;
    const query = async <Row>(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> =>
      (await opened.query<Row>(sql, values)).rows;
    const runScript = async (sql: string): Promise<void> => {
      await opened.exec(sql);
    };
    await migrate(MIGRATIONS, runScript, query);
    const boss = await startBoss(
      new PgBoss({ ...BOSS_OPTIONS, db: fromPglite(opened), backend: "pglite" }),
      options.onError,
    );
    const close = closeOnce(boss, () => opened.close().finally(() => lock.release()));
    const { transaction } = opened;
    return { query, transaction, listen: async () => async () => undefined, boss, isEmbedded: true, close };
  } catch (error) {
    // what went wrong first is told, also where the thread has ended by it
    await pglite?.close().catch(() => undefined);
    lock.release();
    throw error;
  }
}

async function openPostgres(connectionString: string, options: DatabaseOptions): Promise<Database> {
  const { onError, answerTimeoutMs = ANSWER_TIMEOUT_MS } = options;
  await migratePostgres(connectionString);
  const pool = new Pool({
    connectionString,
    max: 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: answerTimeoutMs,
    keepAlive: true,
  });
  pool.on("error", (error) => onError?.(error));
  const { query } = queryOn(pool);
  try {
    const boss = await startBoss(new PgBoss({ ...BOSS_OPTIONS, connectionString, max: 4 }), onError);
    const hear: Database["listen"] = (channel, onPayload) => listen(connectionString, channel, onPayload, onError);
    const close = closeOnce(boss, () => pool.end());
    return { query, transaction: transactOn(pool), listen: hear, boss, isEmbedded: false, close };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

/** On a connection of its own: to bring large tables up to date may take longer than an answer otherwise. */
async function migratePostgres(connectionString: string): Promise<void> {
  const pool = new Pool({ connectionString, max: 1, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // Of a connection that ends between two statements the next of them tells; without a listener the process would end.
  pool.on("error", () => undefined);
  try {
    await migrate(MIGRATIONS, async (sql) => void (await pool.query(sql)), queryOn(pool).query);
  } finally {
    await pool.end();
  }
}

function queryOn(client: Pool | PoolClient): Queryable {
  return {
    query: async <Row>(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> =>
      (await client.query(sql, [...values])).rows,
  };
}

function transactOn(pool: Pool): Database["transaction"] {
  return async (run) => {
    const client = await pool.connect();
    // Nobody hears of a connection that ends between two statements but the next of them; without a listener the process would end.
    const ignore = (): void => undefined;
    client.on("error", ignore);
    const release = (isBroken: boolean): void => {
      client.off("error", ignore);
      client.release(isBroken);
    };
    try {
      await client.query(BEGIN);
      const result = await run(queryOn(client));
      await client.query("commit");
      release(false);
      return result;
    } catch (error) {
      // A connection on which even the roll-back fails is thrown away by release(true).
      const isBroken = await client.query(ROLLBACK).then(
        () => false,
        () => true,
      );
      release(isBroken);
      throw error;
    }
  };
}

async function startBoss(boss: PgBoss, onError: DatabaseOptions["onError"]): Promise<PgBoss> {
  boss.on("error", (error) => onError?.(error));
  return boss.start();
}

/** What goes wrong first is told; the connections are closed in any case. */
function closeOnce(boss: PgBoss, closeConnections: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const stopped = boss.stop({ graceful: true, timeout: STOP_TIMEOUT_MS });
    try {
      await inTime(stopped, "the database's queue, which is to stop", STOP_TIMEOUT_MS + STOP_MARGIN_MS);
    } catch (error) {
      await closeConnections().catch(() => undefined);
      throw error;
    }
    await closeConnections();
  };
  return () => {
    closing ??= close();
    return closing;
  };
}
