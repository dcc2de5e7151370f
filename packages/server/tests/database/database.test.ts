import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { MIGRATIONS } from "../../src/database/migrations.ts";
import { NODE_COMPILE_CACHE } from "../cli/run-cli.ts";
import { placeDatabase } from "./new-database.ts";
import { startPostgres } from "./private-postgres.ts";

const folders: string[] = [];
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "interlude-database-"));
  folders.push(folder);
  return folder;
}
/** The folder of a database that has been open before; what it takes to make one is shown by the first test. */
async function oldFolder(): Promise<string> {
  const folder = join(newFolder(), "database");
  await placeDatabase(folder);
  return folder;
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function insertCreative(database: Pick<Database, "query">, key: string): Promise<void> {
  await database.query("insert into creative (zone, key, creative_url, state) values ($1, $2, $3, 'queued')", [
    "1",
    key,
    "https://ads.example/spot.mp4",
  ]);
}

/** A process of its own that opens the directory, says so, and stays until it is killed. */
async function openElsewhere(directory: string): Promise<{ readonly kill: () => Promise<void> }> {
  const script = fileURLToPath(new URL("./hold-database.ts", import.meta.url));
  const child = spawn(process.execPath, ["-C", "interlude-source", script, directory], {
    env: { ...process.env, NODE_COMPILE_CACHE },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("exit", () => reject(new Error("the other process ended before it had opened the database")));
  });
  return {
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

describe("openDatabase, embedded", () => {
  test("rows and migrations survive a restart", async () => {
    const directory = newFolder();
    const first = await openDatabase({ directory });
    await insertCreative(first, "a");
    await first.close();
    const second = await openDatabase({ directory });
    expect(await second.query("select key from creative")).toEqual([{ key: "a" }]);
    expect(await second.query("select version from schema_migration order by version")).toEqual(
      MIGRATIONS.map(({ version }) => ({ version })),
    );
    await second.close();
  });

  test("a second opener of the same directory is told who has it", async () => {
    const directory = await oldFolder();
    const first = await openDatabase({ directory });
    await expect(openDatabase({ directory })).rejects.toThrow(`process ${process.pid} has it open`);
    await first.close();
  });

  test("a process that was killed leaves nothing that blocks the next one, and its acknowledged rows are there", async () => {
    const directory = await oldFolder();
    const other = await openElsewhere(directory);
    await expect(openDatabase({ directory })).rejects.toMatchObject({ code: "directory-in-use" });
    await other.kill();
    const database = await openDatabase({ directory });
    expect(await database.query("select key from creative")).toEqual([{ key: "held" }]);
    await database.close();
  });
});

describe("migrations", () => {
  test("are numbered by their place", () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });
});

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

describe.each([
  { name: "PGlite", databaseUrl: undefined },
  ...(postgres ? [{ name: "PostgreSQL", databaseUrl: postgres.url }] : []),
])("a transaction on $name", ({ databaseUrl }) => {
  test("that throws leaves neither the row nor the job; one that returns leaves both", async () => {
    const database = await openDatabase({ databaseUrl, directory: await oldFolder() });
    const { boss } = database;
    await boss.createQueue("work");
    expect(await boss.findJobs("work")).toEqual([]);
    const insertBoth = (key: string, fault?: Error) =>
      database.transaction(async (tx) => {
        await insertCreative(tx, key);
        const db = {
          executeSql: async (sql: string, values?: unknown[]) => ({ rows: [...(await tx.query(sql, values))] }),
        };
        await boss.send("work", { key }, { db });
        if (fault) throw fault;
      });
    await expect(insertBoth("lost", new Error("after the job was sent"))).rejects.toThrow("after the job was sent");
    await insertBoth("kept");
    expect(await database.query("select key from creative")).toEqual([{ key: "kept" }]);
    expect((await boss.findJobs("work")).map((job) => job.data)).toEqual([{ key: "kept" }]);
    await database.close();
  });
});

describe.runIf(postgres !== undefined)("openDatabase on PostgreSQL", () => {
  test("instances that start together each find the whole schema", async () => {
    const databaseUrl = postgres?.url;
    const databases = await Promise.all([1, 2, 3].map(() => openDatabase({ databaseUrl, directory: newFolder() })));
    for (const database of databases) {
      expect(await database.query("select count(*)::int as n from schema_migration")).toEqual([
        { n: MIGRATIONS.length },
      ]);
    }
    await Promise.all(databases.map((database) => database.close()));
  });

  test("what other processes tell is heard again after the connection was lost", async () => {
    const errors: Error[] = [];
    const database = await openDatabase({
      databaseUrl: postgres?.url,
      directory: newFolder(),
      onError: (error) => errors.push(error),
    });
    const heard: string[] = [];
    const end = await database.listen("news", (payload) => heard.push(payload));
    const tellUntilHeard = async (payload: string): Promise<void> => {
      while (!heard.includes(payload)) await database.query("select pg_notify('news', $1)", [payload]);
    };
    await tellUntilHeard("before");
    const killed = await database.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen news'",
    );
    expect(killed).toHaveLength(1);
    await tellUntilHeard("after");
    expect(errors.map(({ message }) => message)).toContain("terminating connection due to administrator command");
    await end();
    await database.close();
  });

  test("a connection that cannot listen is not kept", async () => {
    const database = await openDatabase({ databaseUrl: postgres?.url, directory: newFolder() });
    await expect(database.listen("no channel", () => undefined)).rejects.toThrow("syntax error");
    const ofIt = "select pid from pg_stat_activity where query = 'listen no channel'";
    while ((await database.query(ofIt)).length > 0);
    expect(await database.query(ofIt)).toEqual([]);
    await database.close();
  });
});
