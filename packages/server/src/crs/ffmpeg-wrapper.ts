/**
 * The little program through which ffmpeg and ffprobe are started: with an empty environment, bounds on memory, processor
 * time and files, and tied to the life of the process that started it, so that no ffmpeg outlives its server.
 */
import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

export interface WrapperOptions {
  /** Where the script is written; made where missing. */
  readonly directory: string;
  /** `ffmpeg`, or a path. */
  readonly program: string;
  /** The process whose death ends it. */
  readonly parent: number;
  /** util-linux's setpriv; without it a watchdog looks once a second. */
  readonly setpriv: string | undefined;
  /** Left out: none but those that this process has. */
  readonly bounds?: {
    /** Processor time after which the system ends it, s. */
    readonly cpuSeconds: number;
    /** Of one file that it writes. */
    readonly fileBytes: number;
  };
}

/** Address space: the largest source that is let in needs about a quarter of it. KiB. */
const MEMORY_KIB = 16 * 1024 * 1024;

/** Where a program of that name is on the PATH; undefined where it is not. */
export function findProgram(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Writes the script and returns its path. */
export function writeWrapper(options: WrapperOptions): string {
  mkdirSync(options.directory, { recursive: true });
  const name = options.program.replaceAll(/[^\w]+/g, "-");
  const path = join(options.directory, `run-${name}-${options.parent}.sh`);
  writeFileSync(path, options.setpriv === undefined ? watched(options) : armed(options, options.setpriv), {
    mode: 0o700,
  });
  return path;
}

/** Requests are answered first. */
const NICENESS = 10;

/** `ulimit -f` counts blocks of 512 bytes (POSIX). A bound that the process inherits and that is lower stays. */
function head({ bounds }: WrapperOptions): string {
  const lines = ["#!/bin/sh", "ulimit -c 0", `ulimit -v ${MEMORY_KIB} 2>/dev/null`];
  if (bounds) {
    lines.push(`ulimit -t ${Math.ceil(bounds.cpuSeconds)} 2>/dev/null`);
    lines.push(`ulimit -f ${Math.ceil(bounds.fileBytes / 512)} 2>/dev/null`);
  }
  return `${lines.join("\n")}\n`;
}

function start(program: string): string {
  return `exec env -i PATH="$PATH" LC_ALL=C nice -n ${NICENESS} ${quote(program)} "$@"`;
}

/** The death signal survives exec; the second look catches a parent that died before it was armed. */
function armed(options: WrapperOptions, setpriv: string): string {
  return `${head(options)}if [ "$INTERLUDE_ARMED" != 1 ]; then
  INTERLUDE_ARMED=1 exec ${quote(setpriv)} --pdeathsig KILL -- "$0" "$@"
fi
[ "$PPID" = ${options.parent} ] || exit 1
${start(options.program)}
`;
}

function watched(options: WrapperOptions): string {
  return `${head(options)}self=$$
(
  while kill -0 ${options.parent} && kill -0 "$self"; do sleep 1; done
  kill -KILL "$self"
) </dev/null >/dev/null 2>&1 &
${start(options.program)}
`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
