/** Servers and workers as processes of their own, the way an operator runs them, and the way they die. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startCli, startServe, TOKEN, waitForLine } from "../cli/run-cli.ts";
import { startPostgres } from "../database/private-postgres.ts";
import { type MediaServer, startMediaServer, startServer } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

const postgres = await startPostgres();
if (postgres === undefined) console.warn("processes.test.ts: no PostgreSQL is installed, its tests are skipped");
let media: MediaServer;
beforeAll(async () => {
  let isLongTaken = false;
  // Who wants to see a long encoding end before its time need not wait for the one after it.
  media = await startMediaServer((name) => {
    if (name !== "long-then-short.mp4") return testMedia(name);
    const source = isLongTaken ? "short.mp4" : "big.mp4";
    isLongTaken = true;
    return testMedia(source);
  });
});
afterAll(async () => {
  await postgres?.stop();
  await media.close();
});

const HEADERS = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "interlude-processes-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

const settings = (folder: string, more: Readonly<Record<string, string>> = {}) => ({
  INTERLUDE_STATE: folder,
  INTERLUDE_FETCH_ALLOW_PRIVATE: media.base.host,
  INTERLUDE_CRS_RUNGS: "180",
  ...(postgres && { DATABASE_URL: postgres.url }),
  ...more,
});

async function ask(base: URL, creativeUrl: string, timeoutMs = 60_000) {
  const body = JSON.stringify({ items: [{ zone: "1", creativeUrl }] });
  // A server that is killed may leave its clients waiting for ever.
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await fetch(new URL("/v1/repackage", base), { method: "POST", headers: HEADERS, body, signal });
  const { items } = await answer.json();
  return { status: answer.status, before: items?.[0]?.before, key: items?.[0]?.key };
}

async function look(base: URL, key: string) {
  const answer = await fetch(new URL(`/v1/creatives/1/${key}`, base), { headers: HEADERS });
  return answer.json();
}

async function until(base: URL, key: string, isReached: (status: Awaited<ReturnType<typeof look>>) => boolean) {
  for (;;) {
    const status = await look(base, key);
    if (isReached(status)) return status;
    await wait(100);
  }
}

/** Processes below one, by /proc: `ffmpeg` and the like. */
function listChildren(parent: number): readonly number[] {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const direct = all.filter((pid) => readStat(Number(pid))?.parent === parent).map(Number);
  return direct.flatMap((pid) => [pid, ...listChildren(pid)]);
}

/** undefined: no such process, or one that has ended and only waits to be taken notice of. */
function readStat(pid: number): { readonly name: string; readonly parent: number } | undefined {
  try {
    const [, name = "", state, parent] = /\((.*)\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return state === "Z" || state === "X" ? undefined : { name, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** What a master names and is not there, or not whole; a master that is not there names nothing. */
async function findHoles(master: URL): Promise<{ readonly isThere: boolean; readonly holes: readonly string[] }> {
  const answer = await fetch(master);
  if (answer.status !== 200) return { isThere: false, holes: [] };
  const holes: string[] = [];
  const uris = (text: string): readonly string[] =>
    text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  for (const playlist of uris(await answer.text()).map((uri) => new URL(uri, master))) {
    const text = await (await fetch(playlist)).text();
    if (!text.trimEnd().endsWith("#EXT-X-ENDLIST")) holes.push(playlist.pathname);
    for (const segment of uris(text).map((uri) => new URL(uri, playlist))) {
      const bytes = Buffer.from(await (await fetch(segment)).arrayBuffer());
      if (bytes.length === 0 || bytes.length % 188 !== 0 || bytes[0] !== 0x47) holes.push(segment.pathname);
    }
  }
  return { isThere: true, holes };
}

describe.runIf(postgres !== undefined)("on one PostgreSQL", () => {
  test("1,000 misses at once for one creative over two servers cause one download and one transcode", async () => {
    const env = settings(makeFolder());
    const servers = await Promise.all([startServe(env), startServe(env)]);
    const url = new URL("thousand/short.mp4", media.base);
    const asked = Array.from({ length: 1000 }, (_, index) => {
      const server = servers[index % 2];
      if (server === undefined) throw new Error("expected a server");
      return ask(server.base, url.href);
    });
    const answers = await Promise.all(asked);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(answers.filter(({ before }) => before === "absent")).toHaveLength(1);
    const [{ base }, other] = servers;
    const key = answers[0]?.key ?? "";
    const made = await until(base, key, ({ state }) => state === "ready");
    expect(made.packages).toMatchObject([{ cdns: ["a", "b"] }]);
    expect(await look(other.base, key)).toMatchObject({ state: "ready" });
    expect(media.requests.filter((path) => path === url.pathname)).toHaveLength(1);
    const client = new Client({ connectionString: postgres?.url });
    await client.connect();
    const { rows } = await client.query("select lease from creative where key = $1", [key]);
    await client.end();
    expect(rows).toEqual([{ lease: 1 }]);
  });

  test("a worker that is killed in mid-transcode leaves no ffmpeg and nothing half published, and another takes over within 30 s", async () => {
    const folder = makeFolder();
    const { base } = await startServe(settings(folder, { INTERLUDE_CRS_CONCURRENCY: "0" }));
    const first = startCli(["worker"], settings(folder));
    await waitForLine(first, /worker is ready/);
    const events = await fetch(new URL("/v1/events", base), { headers: HEADERS });
    const { key } = await ask(base, new URL("killed/long-then-short.mp4", media.base).href);

    const states = new Set<string>();
    const heard = hear(events, key, states);
    await until(base, key, ({ state, progress }) => state === "transcoding" && progress > 0.06);
    const second = startCli(["worker"], settings(folder));
    await waitForLine(second, /worker is ready/);
    const children = listChildren(first.pid ?? 0);
    expect(children.map((pid) => readStat(pid)?.name)).toContain("ffmpeg");
    const killedAt = Date.now();
    await kill(first);

    const client = new Client({ connectionString: postgres?.url });
    await client.connect();
    const { rows } = await client.query("select path from creative_package where key = $1 limit 1", [key]);
    await client.end();
    const master = new URL(`/cdn/a/${rows[0].path}`, base);
    const seen: Awaited<ReturnType<typeof findHoles>>[] = [];
    const taken = await until(base, key, ({ attempts }) => attempts === 2);
    const recoveredMs = Date.now() - killedAt;
    console.info(`taken up again after ${recoveredMs} ms`);
    expect(taken.state).not.toBe("blocked");
    expect(recoveredMs).toBeLessThan(30_000);
    expect(children.filter((pid) => readStat(pid)?.name === "ffmpeg")).toEqual([]);
    const end = new AbortController();
    const made = until(base, key, ({ state }) => state === "ready").finally(() => end.abort());
    while (!end.signal.aborted) seen.push(await findHoles(master));
    await made;
    seen.push(await findHoles(master));
    expect(seen.flatMap(({ holes }) => holes)).toEqual([]);
    expect(seen.at(-1)?.isThere).toBe(true);
    await heard;
    expect(states).toContain("transcoding");
  });
});

/** Reads server-sent events until one says that the creative is ready. */
async function hear(events: Response, key: string, states: Set<string>): Promise<void> {
  let rest = "";
  for await (const chunk of events.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = `${rest}${chunk}`.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const text = /^data: (.*)$/m.exec(block)?.[1];
      const status = text === undefined ? undefined : JSON.parse(text);
      if (status?.key === key) states.add(status.state);
      if (status?.key === key && status.state === "ready") return;
    }
  }
}

test("a server with a database of its own that is killed while it accepts jobs has every one of them after its restart", async () => {
  const gone = await startServer((_request, response) => void response.writeHead(404).end());
  onTestFinished(() => gone.close());
  const { DATABASE_URL: _none, ...env } = settings(makeFolder(), { INTERLUDE_FETCH_ALLOW_PRIVATE: gone.base.host });
  const first = await startServe({ ...env, INTERLUDE_CRS_QUEUE: "100000" });
  const accepted: string[] = [];
  const killed = Promise.withResolvers<void>();
  let isKilled = false;
  const asking = Array.from({ length: 8 }, async (_, lane) => {
    for (let index = 0; !isKilled; index++) {
      const answer = await ask(first.base, new URL(`${lane}/${index}.mp4`, gone.base).href, 3000).catch(
        () => undefined,
      );
      if (answer?.status === 202) accepted.push(answer.key);
      if (accepted.length === 60) {
        isKilled = true;
        await kill(first.child).then(killed.resolve, killed.reject);
      }
    }
  });
  // Who was asking just then may wait for an answer for long.
  await Promise.race([killed.promise, Promise.all(asking)]);
  expect(accepted.length).toBeGreaterThanOrEqual(60);
  const { base } = await startServe({ ...env, INTERLUDE_CRS_CONCURRENCY: "8" });
  for (const key of accepted) {
    expect(await until(base, key, ({ state }) => state !== "queued" && state !== "fetching")).toMatchObject({
      key,
      state: "failed",
      reason: "source-missing",
    });
  }
});
