/**
 * A slow link in front of a server on this machine. Not a browser's own throttling: that knows neither what a worker asks for nor how
 * many bytes have crossed the line.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Order, Report } from "./slow-link-process.ts";

export interface LinkShape {
  readonly bitsPerSecond: number;
  /** Of each request, before anything of its answer. */
  readonly roundTripMs: number;
}

export interface SlowLink {
  /** Answers what the server answers; also a proxy for a browser, which then reaches every address over the link. */
  readonly url: URL;
  /**
   * Bytes of answers' bodies that had left the link by a moment, by path without query.
   *
   * @param until Unix milliseconds; default: whatever has left by now
   */
  readonly readSent: (until?: number) => Promise<ReadonlyMap<string, number>>;
  readonly close: () => Promise<void>;
}

const PROGRAM = join(import.meta.dirname, "slow-link-process.ts");

/** @throws Error where the link's process does not come up */
export async function startSlowLink(target: URL, { bitsPerSecond, roundTripMs }: LinkShape): Promise<SlowLink> {
  const child = fork(PROGRAM, [String(bitsPerSecond), String(roundTripMs), target.href], {
    execArgv: ["-C", "interlude-source"],
  });
  const exited = once(child, "exit");
  const read = async (order?: Order): Promise<Report> => {
    const answered = once(child, "message");
    if (order) child.send(order);
    const [report]: readonly Report[] = await Promise.race([answered, exited.then(() => [])]);
    if (!report) throw new Error("slow link: expected a report, but its process ended");
    return report;
  };
  const first = await read();
  if (!("url" in first)) throw new Error("slow link: expected its address first");
  return {
    url: new URL(first.url),
    readSent: async (until = Number.MAX_SAFE_INTEGER) => {
      const report = await read({ until });
      return new Map("sent" in report ? Object.entries(report.sent) : []);
    },
    close: async () => {
      child.disconnect();
      await exited;
    },
  };
}
