/** What a piece of work costs the machine: wall time, processor time, memory. By proc(5), so on Linux only. */
import { readdirSync, readFileSync } from "node:fs";

export interface Cost {
  /** Seconds. */
  readonly wall: number;
  /** Seconds, user and system, of this process and of everything that it started and that has ended. */
  readonly cpu: number;
  /** The most that all child processes had resident at one time. */
  readonly childBytes: number;
  /** The most that this process had resident. */
  readonly ownBytes: number;
}

const SAMPLE_MS = 100;
/** In proc(5), times are in hundredths of a second. */
const TICKS = 100;

/** Runs `work`; nothing else may run in this process meanwhile. Children that live shorter than 100 ms may not be seen. */
export async function measureCost<T>(work: () => Promise<T>): Promise<{ readonly cost: Cost; readonly result: T }> {
  let [childBytes, ownBytes] = [0, 0];
  const sample = (): void => {
    childBytes = Math.max(childBytes, sumResident(listChildren("self")));
    ownBytes = Math.max(ownBytes, process.memoryUsage.rss());
  };
  const timer = setInterval(sample, SAMPLE_MS);
  const [wall, cpu] = [performance.now(), cpuSeconds()];
  try {
    const result = await work();
    sample();
    return {
      cost: { wall: (performance.now() - wall) / 1000, cpu: cpuSeconds() - cpu, childBytes, ownBytes },
      result,
    };
  } finally {
    clearInterval(timer);
  }
}

/** cutime and cstime are those of children that have ended, and of theirs. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (user + system) / 1e6 + (Number(fields[13]) + Number(fields[14])) / TICKS;
}

/** Children, and theirs; a process that ends meanwhile has none. */
function listChildren(pid: string): readonly string[] {
  const threads = attempt(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  const children = threads.flatMap((thread) => {
    const text = attempt(() => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")) ?? "";
    return text.split(" ").filter((word) => word.trim() !== "");
  });
  return children.flatMap((child) => [child, ...listChildren(child)]);
}

function sumResident(pids: readonly string[]): number {
  const sizes = pids.map((pid) => {
    const text = attempt(() => readFileSync(`/proc/${pid}/status`, "utf8")) ?? "";
    return Number(/^VmRSS:\s*(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** undefined: the process is gone. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
