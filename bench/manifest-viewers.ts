/** Live viewers, each of whom asks for its playlist once per target duration: what they get, and how long they wait. */
import { ask, openSessions, quantile, startWhole } from "./manifest-child.ts";
import type { BenchOrigin } from "./manifest-origin.ts";
import { type Row, verdict } from "./table.ts";

const VIEWERS = 1_000;
const SHAPE = { window: 300, segmentDuration: 2 };

/** Two minutes, or 15 s. */
export async function benchViewers(origin: BenchOrigin, quick: boolean): Promise<readonly Row[]> {
  const seconds = quick ? 15 : 120;
  const server = await startWhole(origin, { INTERLUDE_SESSIONS: "memory" });
  try {
    const paths = await openSessions(server, origin, SHAPE, { count: VIEWERS, query: "pttrackingmode=simple" });
    const times: number[] = [];
    const failures: string[] = [];
    let stitched = 0;
    const start = performance.now();
    const cpuBefore = await server.readCpu();
    const watch = async (path: string, index: number): Promise<void> => {
      for (let due = (index / VIEWERS) * SHAPE.segmentDuration; due < seconds; due += SHAPE.segmentDuration) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, start + due * 1000 - performance.now())));
        const asked = performance.now();
        try {
          const { text } = await ask(server.pool, path);
          times.push(performance.now() - asked);
          if (text.includes("/ads/")) stitched += 1;
        } catch (error) {
          failures.push(String(error));
        }
      }
    };
    const watching = paths.map(watch);
    setTimeout(() => origin.showAvail(SHAPE), 5_000);
    await Promise.all(watching);
    const share = ((await server.readCpu()) - cpuBefore) / 1e4 / seconds;
    times.sort((a, b) => a - b);
    const p99 = quantile(times, 0.99);
    const note = `${stitched} of ${times.length} with ads; p50 ${quantile(times, 0.5).toFixed(1)} ms; ${share.toFixed(0)} % of a core`;
    return [
      {
        name: `${VIEWERS} live viewers for ${seconds} s, ${SHAPE.window} segments of ${SHAPE.segmentDuration} s, p99`,
        ours: `${p99.toFixed(1)} ms`,
        theirs: "-",
        ratio: "-",
        budget: "nothing but 200",
        note: verdict(
          failures.length === 0,
          failures.length === 0 ? note : `${failures.length}: ${failures[0]}; ${note}`,
        ),
      },
    ];
  } finally {
    await server.close();
  }
}
