/** The thread of the embedded database ends by itself: exhausted memory, or an abort in WebAssembly. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { openPglite } from "../../src/database/pglite.ts";
import { startServe } from "../cli/run-cli.ts";
import { placeDatabase } from "./new-database.ts";

const folder = mkdtempSync(join(tmpdir(), "interlude-lost-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ENDLESS = "select count(*) from generate_series(1, 1e12)";

async function newDirectory(): Promise<string> {
  const directory = mkdtempSync(join(folder, "database-"));
  await placeDatabase(directory);
  return directory;
}

/** The thread that `open` starts. */
async function catchThread<Opened>(open: () => Promise<Opened>): Promise<{ opened: Opened; thread: Worker }> {
  const started: Worker[] = [];
  const note = (worker: Worker): void => void started.push(worker);
  process.on("worker", note);
  onTestFinished(() => void process.off("worker", note));
  const opened = await open();
  const [thread] = started;
  if (!thread) throw new Error("expected a thread");
  return { opened, thread };
}

describe("a thread of the embedded database that ends by itself", () => {
  test("is told once, ends what waits, and leaves a directory that can be opened again", async () => {
    const directory = await newDirectory();
    const lost: string[] = [];
    const { opened: database, thread } = await catchThread<Database>(() =>
      openDatabase({ directory, onLost: ({ message }) => void lost.push(message) }),
    );
    const waiting = database.query(ENDLESS).catch((error: unknown) => error);
    await thread.terminate();
    expect(await waiting).toMatchObject({ message: "the embedded database has ended" });
    await expect(database.query("select 1")).rejects.toThrow("the embedded database has ended");
    expect(lost).toEqual(["the embedded database has ended"]);
    await database.close();
    const again = await openDatabase({ directory });
    expect(await again.query("select 1 as one")).toEqual([{ one: 1 }]);
    await again.close();
    expect(lost).toHaveLength(1);
  });

  test("ends the process of its server with exit code 1", async () => {
    const program = join(import.meta.dirname, "end-thread-on-signal.ts");
    const state = mkdtempSync(join(folder, "state-"));
    const env = {
      INTERLUDE_STATE: state,
      INTERLUDE_CRS: "off",
      INTERLUDE_LOG: "fatal",
      NODE_OPTIONS: `--import ${program}`,
    };
    const { child } = await startServe(env);
    const said = child.stderr?.toArray();
    const exited = once(child, "exit");
    child.kill("SIGUSR2");
    expect(await exited).toEqual([1, null]);
    const [log = "", sentence] = (await said)?.join("").split("\n") ?? [];
    expect(JSON.parse(log)).toMatchObject({ level: 60, err: { message: "the embedded database has ended" } });
    expect(sentence).toBe("the embedded database has come to its end: the embedded database has ended");
  });
});

test("a thread that does not answer is ended where it is to close, and its files can be opened again", async () => {
  const directory = join(await newDirectory(), "pglite");
  const lost: Error[] = [];
  const database = await openPglite(directory, { closeTimeoutMs: 50, onLost: (error) => void lost.push(error) });
  const waiting = database.query(ENDLESS).catch((error: unknown) => error);
  await expect(database.close()).rejects.toThrow("expected an answer within 50 ms");
  expect(await waiting).toMatchObject({ message: "the embedded database has ended" });
  const again = await openPglite(directory);
  expect((await again.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  await again.close();
  expect(lost).toEqual([]);
});
