/**
 * What a session costs in memory: as many as an instance holds, each with a decided break, one after the other through the store,
 * with two ads of 12 trackers each, and through a whole server.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ask, openSessions, runAtOnce, startWhole, UNSHED } from "./manifest-child.ts";
import type { BenchOrigin } from "./manifest-origin.ts";
import { type Row, verdict } from "./table.ts";

const SESSIONS = 100_000;
const MAX_BYTES = 8_000;
/** Segments of ten minutes: the avail stays ahead of whoever comes while sessions are opened. */
const SHAPE = { window: 10, segmentDuration: 600 };

/** Minutes for a whole server, some seconds for the store alone, which is all that `quick` measures. */
export async function benchMemory(origin: BenchOrigin, quick: boolean): Promise<readonly Row[]> {
  const inStore = formatMemory("the store alone", await fillStore());
  return quick
    ? [inStore]
    : [inStore, formatMemory("bootstrap, master and a media playlist each", await fillServer(origin))];
}

async function fillStore(): Promise<number> {
  const child = fork(join(import.meta.dirname, "manifest-sessions.ts"), [String(SESSIONS)], {
    execArgv: ["-C", "interlude-source", "--expose-gc"],
  });
  const [bytes]: readonly number[] = await once(child, "message");
  await once(child, "exit");
  return bytes ?? Number.NaN;
}

async function fillServer(origin: BenchOrigin): Promise<number> {
  const env = { ...UNSHED, INTERLUDE_SESSIONS: "memory", INTERLUDE_SESSIONS_MAX: String(SESSIONS + 1_000) };
  const server = await startWhole(origin, env, ["--expose-gc"]);
  let withoutAds = 0;
  const open = async (count: number): Promise<void> => {
    const paths = await openSessions(server, origin, SHAPE, { count, query: "pttrackingmode=simple" });
    await runAtOnce(count, async (index) => {
      const { text } = await ask(server.pool, paths[index] ?? "");
      if (!text.includes("/ads/one/")) withoutAds += 1;
    });
  };
  try {
    await open(1);
    origin.showAvail(SHAPE);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await open(1_000);
    const before = await server.readMemory();
    for (let opened = 0; opened < SESSIONS; opened += 10_000) await open(10_000);
    const used = (await server.readMemory()) - before;
    // The ad server's answer may be late on a busy machine.
    if (withoutAds > SESSIONS / 100) throw new Error(`bench: expected ads in each session, ${withoutAds} had none`);
    return used / SESSIONS;
  } finally {
    await server.close();
  }
}

function formatMemory(how: string, bytes: number): Row {
  return {
    name: `bytes per session, ${SESSIONS} held in memory, ${how}`,
    ours: bytes.toFixed(0),
    theirs: "-",
    ratio: "-",
    budget: `≤ ${MAX_BYTES}`,
    note: verdict(bytes <= MAX_BYTES, "heap and what hangs on it; its address included, 700 bytes or so"),
  };
}
