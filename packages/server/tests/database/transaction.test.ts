import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { startPostgres } from "./private-postgres.ts";

const postgres = await startPostgres();
if (postgres === undefined) console.warn("transaction.test.ts: no PostgreSQL is installed, its tests are skipped");
const server = postgres && (await openDatabase({ databaseUrl: postgres.url, directory: "/nowhere" }));
afterAll(async () => {
  await server?.close();
  await postgres?.stop();
});

function open(): Database {
  if (server === undefined) throw new Error("expected a PostgreSQL");
  return server;
}

interface Line {
  readonly url: string;
  /** What is on its way when a machine dies arrives nowhere, and nobody says so. */
  readonly setSilent: (isSilent: boolean) => void;
  readonly close: () => void;
}

/** A way to the server that can be cut as a network is. */
async function openLine(url: string): Promise<Line> {
  const target = new URL(url);
  const port = Number(target.port);
  const sockets: Socket[] = [];
  const proxy = createServer((near) => {
    const far = connect(port, target.hostname);
    for (const socket of [near, far]) socket.on("error", () => undefined);
    sockets.push(near, far);
    near.pipe(far).pipe(near);
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  if (typeof address !== "object" || address === null) throw new Error("expected a port");
  target.port = String(address.port);
  let silent: readonly Socket[] = [];
  return {
    url: target.href,
    setSilent: (isSilent) => {
      if (!isSilent) for (const socket of silent) socket.destroy();
      silent = isSilent ? [...sockets] : [];
      for (const socket of silent) socket.unpipe().pause();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    },
  };
}

describe.runIf(server)("a transaction on PostgreSQL", () => {
  test("has an end when its process is gone without a word", async () => {
    const limits = await open().transaction((tx) =>
      tx.query(
        "select current_setting('idle_in_transaction_session_timeout') as idle, current_setting('statement_timeout') as statement",
      ),
    );
    expect(limits).toEqual([{ idle: "30s", statement: "1min" }]);
    const [after] = await open().query("select current_setting('statement_timeout') as statement");
    expect(after).toEqual({ statement: "0" });
  });

  test("fails when the server falls silent, and holds no connection for it", async () => {
    const line = await openLine(postgres?.url ?? "");
    const far = await openDatabase({ databaseUrl: line.url, directory: "/nowhere", answerTimeoutMs: 300 });
    try {
      const silent = far.transaction(async (tx) => {
        await tx.query("select 1");
        line.setSilent(true);
        await tx.query("select 2");
      });
      await expect(silent).rejects.toThrow("timeout");
      line.setSilent(false);
      expect(await Promise.all(Array.from({ length: 10 }, () => far.query("select 1 as one")))).toHaveLength(10);
    } finally {
      line.setSilent(false);
      await far.close();
      line.close();
    }
  });

  test("fails, and nothing else does, when the server ends its connection", async () => {
    const ended = open().transaction(async (tx) => {
      const [row] = await tx.query<{ readonly pid: number }>("select pg_backend_pid() as pid");
      await open().query("select pg_terminate_backend($1)", [row?.pid]);
      for (;;) await tx.query("select 1");
    });
    await expect(ended).rejects.toThrow(/terminat|ECONNRESET|not queryable/);
    expect(await open().query("select 1 as one")).toEqual([{ one: 1 }]);
  });
});
