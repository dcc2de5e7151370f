/** How `preload` shows where things stand: on a terminal one line for each creative that moves, elsewhere a line for each change. */

/** One creative as it is shown. */
export interface DisplayLine {
  readonly name: string;
  readonly state: string;
  /** 0 to 1. */
  readonly progress: number;
  readonly isEnded: boolean;
}

export interface Display {
  /** Shows the creatives as they are now, always all of them and in the same order. */
  show(lines: readonly DisplayLine[]): void;
  /** Prints a text that stays, above what moves. */
  print(text: string): void;
  /** Leaves what was shown last as it stands, and prints a text below it. */
  end(text: string): void;
}

/** As much of `process.stdout` as is needed; a terminal that does not know its size says 0. */
export interface DisplayStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

const BAR_WIDTH = 20;
const STATE_WIDTH = 11;

export function createDisplay(stream: DisplayStream): Display {
  return stream.isTTY === true ? createLiveDisplay(stream) : createPlainDisplay(stream);
}

function createPlainDisplay(stream: DisplayStream): Display {
  const shown = new Map<string, string>();
  return {
    show: (lines) => {
      for (const { name, state } of lines) {
        if (shown.get(name) === state) continue;
        shown.set(name, state);
        stream.write(`${state.padEnd(STATE_WIDTH)}  ${name}\n`);
      }
    },
    print: (text) => void stream.write(`${text}\n`),
    end: (text) => void stream.write(`\n${text}\n`),
  };
}

function createLiveDisplay(stream: DisplayStream): Display {
  let drawn: readonly string[] = [];
  /** Up to where the last drawing began, and everything below it gone. */
  const clear = (): string => (drawn.length > 0 ? `\u001B[${drawn.length}A\u001B[0J` : "");
  const draw = (before: string): void => {
    stream.write(`${before}${drawn.map((line) => `${line}\n`).join("")}`);
  };
  return {
    show: (lines) => {
      const begin = clear();
      drawn = selectLines(lines, Math.max(3, (stream.rows || 24) - 2)).map((line) =>
        // A line that wraps would be two, and the next drawing would begin too low.
        line.slice(0, Math.max(20, (stream.columns || 80) - 1)),
      );
      draw(begin);
    },
    print: (text) => draw(`${clear()}${text}\n`),
    end: (text) => {
      drawn = [];
      stream.write(`\n${text}\n`);
    },
  };
}

/** All lines where they fit, else those that move, and how many more there are. */
function selectLines(lines: readonly DisplayLine[], room: number): readonly string[] {
  if (lines.length <= room) return lines.map(formatLine);
  const moving = lines.filter(({ isEnded }) => !isEnded).toSorted((a, b) => b.progress - a.progress);
  const shown = moving.slice(0, room - 1);
  const ended = lines.length - moving.length;
  return [...shown.map(formatLine), `… ${ended} done, ${moving.length - shown.length} more wait`];
}

function formatLine({ name, state, progress }: DisplayLine): string {
  const full = Math.round(Math.min(1, Math.max(0, progress)) * BAR_WIDTH);
  const bar = "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
  return `${bar} ${String(Math.floor(progress * 100)).padStart(3)} %  ${state.padEnd(STATE_WIDTH)}  ${name}`;
}

/** Columns as wide as their widest cell; the last one is not filled up. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const format = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return rows.map(format).join("\n");
}
