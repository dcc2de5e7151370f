/** Runs ffprobe on files that are already on disk and already identified. */
import { execFile, type ExecFileException } from "node:child_process";
import { RepackageFailure } from "./repackage-failure.ts";

/**
 * Runs with `args` and returns stdout.
 *
 * @throws RepackageFailure `unreadable` with what ffprobe said, `probe-timeout`; the signal's reason when it is aborted
 */
export type RunFfprobe = (args: readonly string[], signal: AbortSignal) => Promise<string>;

const TIMEOUT_MS = 20_000;
const MAX_OUTPUT_BYTES = 32_000_000;

/** @param program the wrapper's path */
export function createFfprobe(program: string): RunFfprobe {
  return (args, signal) =>
    new Promise((resolve, reject) => {
      const options = { signal, timeout: TIMEOUT_MS, killSignal: "SIGKILL", maxBuffer: MAX_OUTPUT_BYTES } as const;
      execFile(program, [...args], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else if (signal.aborted) reject(signal.reason);
        else reject(describeFailure(error, stderr));
      });
    });
}

/** A machine that is busy says nothing about the creative. */
function describeFailure(error: ExecFileException, stderr: string): RepackageFailure {
  if (error.killed === true && error.signal === "SIGKILL") {
    return new RepackageFailure("probe-timeout", `ffprobe: expected an end within ${TIMEOUT_MS} ms, got none`, error);
  }
  const said = stderr.trim().slice(-500) || error.message;
  return new RepackageFailure("unreadable", `creative: ffprobe cannot read it: ${said}`, error);
}
