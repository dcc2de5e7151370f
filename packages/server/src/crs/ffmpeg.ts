/**
 * Runs ffmpeg, and nothing else does. fluent-ffmpeg is the runner that the project's user asked for; it is archived, so it is
 * imported here alone, and two of its habits are switched off: the capability check (it breaks on ffmpeg 7 and later and costs
 * four sub-processes) and its "progress" event (listening to it starts an ffprobe that guesses the file's format).
 */
import ffmpeg from "fluent-ffmpeg";
import { FULL_TEXT } from "./disk-full.ts";
import type { FfmpegCommand } from "./ffmpeg-args.ts";
import { RepackageFailure } from "./repackage-failure.ts";

export interface RunOptions {
  /** Wall time after which it is killed. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Seconds of media written so far, about twice a second. */
  readonly onTime?: (time: number) => void;
}

/**
 * Runs a command to its end and returns what it wrote to stderr, progress left out, the last 100 lines.
 *
 * @throws RepackageFailure `transcode-timeout`, `disk-full`, `transcode-failed` with the last lines; the signal's reason when it is aborted
 */
export type RunFfmpeg = (command: FfmpegCommand, options: RunOptions) => Promise<string>;

const KEPT_LINES = 100;
const SHOWN_LINES = 4;
const PROGRESS_LINE = /^(\w+)=(.*)$/;

/** @param program the wrapper's path */
export function createFfmpeg(program: string): RunFfmpeg {
  return (command, options) =>
    new Promise((resolve, reject) => {
      const run = buildRun(command, program);
      const lines: string[] = [];
      const kill = (): void => void run.kill("SIGKILL");
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        kill();
      }, options.timeoutMs);
      options.signal.addEventListener("abort", kill);
      const release = (): void => {
        clearTimeout(timer);
        options.signal.removeEventListener("abort", kill);
      };
      run.on("start", () => {
        if (options.signal.aborted) kill();
      });
      run.on("stderr", (line: string) => readLine(line, lines, options.onTime));
      run.on("end", () => {
        release();
        resolve(lines.join("\n"));
      });
      run.on("error", (error: Error) => {
        release();
        reject(
          options.signal.aborted ? options.signal.reason : describeFailure(error, lines, isLate, options.timeoutMs),
        );
      });
      run.run();
    });
}

function buildRun(command: FfmpegCommand, program: string): ffmpeg.FfmpegCommand {
  const run = ffmpeg({ stdoutLines: 1 });
  Object.assign(run, {
    _checkCapabilities: (done: () => void) => done(),
    availableEncoders: (done: (error: null, encoders: object) => void) => done(null, {}),
  });
  run.setFfmpegPath(program);
  for (const input of command.inputs) run.input(input.path).inputOptions(...input.options);
  for (const output of command.outputs) run.output(output.path).outputOptions(...output.options);
  return run;
}

function readLine(line: string, lines: string[], onTime: RunOptions["onTime"]): void {
  const [, key, value] = PROGRESS_LINE.exec(line) ?? [];
  if (key === undefined) {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
  } else if (key === "out_time_us" && Number(value) >= 0) {
    onTime?.(Number(value) / 1e6);
  }
}

function describeFailure(error: Error, lines: readonly string[], isLate: boolean, timeoutMs: number): RepackageFailure {
  if (isLate)
    return new RepackageFailure("transcode-timeout", `ffmpeg: expected an end within ${timeoutMs} ms, got none`, error);
  const said = lines
    .filter((line) => line.trim() !== "")
    .slice(-SHOWN_LINES)
    .join("; ");
  const full = lines.find((line) => FULL_TEXT.test(line));
  if (full !== undefined) return new RepackageFailure("disk-full", `ffmpeg: ${full}`, error);
  return new RepackageFailure("transcode-failed", `ffmpeg: ${error.message}: ${said}`, error);
}
