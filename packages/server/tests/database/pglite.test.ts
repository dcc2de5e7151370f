import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { openDatabase } from "../../src/database/database.ts";
import { openPglite } from "../../src/database/pglite.ts";
import { placeDatabase } from "./new-database.ts";

const folder = mkdtempSync(join(tmpdir(), "interlude-pglite-"));
await placeDatabase(join(folder, "database"));
const database = await openPglite(join(folder, "database/pglite"));
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the embedded database", () => {
  test("lets this thread go on while it works", async () => {
    const counted = database.query("select count(*)::integer as count from generate_series(1, 1000000)");
    const meanwhile = { isOver: false, turns: 0 };
    const over = counted.finally(() => (meanwhile.isOver = true));
    for (; !meanwhile.isOver; meanwhile.turns++) await nextTurn();
    expect((await over).rows).toEqual([{ count: 1_000_000 }]);
    expect(meanwhile.turns).toBeGreaterThan(100);
  });

  test("gives rows as a driver does: times as dates, JSON as values, bytes as bytes", async () => {
    const values = [new Date(0), JSON.stringify({ a: [1] }), new Uint8Array([1, 2]), null];
    const sql = "select $1::timestamptz as time, $2::jsonb as json, $3::bytea as bytes, $4::text as nothing";
    const { rows } = await database.query(sql, values);
    expect(rows).toEqual([{ time: new Date(0), json: { a: [1] }, bytes: new Uint8Array([1, 2]), nothing: null }]);
  });

  test("tells the number of an error, and what it is about", async () => {
    await database.exec("create temporary table once (id integer constraint only_once primary key)");
    await database.query("insert into once values ($1)", [1]);
    await expect(database.query("insert into once values ($1)", [1])).rejects.toMatchObject({
      message: 'duplicate key value violates unique constraint "only_once"',
      code: "23505",
      constraint: "only_once",
    });
  });

  test("keeps what is asked beside a transaction waiting until that is over", async () => {
    await database.exec("create temporary table seen (id integer)");
    const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const written = database.transaction(async (tx) => {
      await tx.query("insert into seen values ($1)", [1]);
      begun.resolve();
      await goOn.promise;
      await tx.query("insert into seen values ($1)", [2]);
    });
    await begun.promise;
    const beside = database.query("select id from seen order by id");
    goOn.resolve();
    await written;
    expect((await beside).rows).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test("takes back a transaction that threw, and one that cannot be committed", async () => {
    await database.exec("create temporary table late (id integer unique deferrable initially deferred)");
    const fault = new Error("after the row");
    const failing = database.transaction(async (tx) => {
      await tx.query("insert into late values (1)");
      throw fault;
    });
    await expect(failing).rejects.toBe(fault);
    const doubled = database.transaction(async (tx) => void (await tx.query("insert into late values (1), (1)")));
    await expect(doubled).rejects.toMatchObject({ code: "23505" });
    expect((await database.query("select * from late")).rows).toEqual([]);
  });

  test("tells each who listens once", async () => {
    const heard: string[] = [];
    const end = await database.listen("news", (payload) => heard.push(`a ${payload}`));
    await database.listen("news", (payload) => heard.push(`b ${payload}`));
    await database.exec("select pg_notify('news', '1')");
    await end();
    await database.exec("select pg_notify('news', '2')");
    expect(heard).toEqual(["a 1", "b 1", "b 2"]);
  });
});

test("files that cannot be opened are an error, and their folder can be tried again", async () => {
  const directory = join(folder, "no-database");
  mkdirSync(directory);
  symlinkSync(join(directory, "nowhere", "else"), join(directory, "pglite"));
  const complaint = `${join(directory, "pglite")}: expected the files of a database, or none, got`;
  await expect(openDatabase({ directory })).rejects.toThrow(complaint);
  await expect(openDatabase({ directory })).rejects.toThrow(complaint);
});

test("a database that is closed says so to who comes later, and may be closed again", async () => {
  const directory = join(folder, "closed");
  await placeDatabase(directory);
  const closed = await openPglite(join(directory, "pglite"));
  await closed.close();
  await closed.close();
  await expect(closed.query("select 1")).rejects.toThrow("the embedded database has ended");
});
