/** One line that moves on a terminal; elsewhere (a log, a test) a line for every tenth. */
export interface Progress {
  /** `share` from 0 to 1. */
  readonly report: (share: number, title: string) => void;
  /** Ends the line that is being written, if any. */
  readonly end: () => void;
}

/** @param what what is being made, at the start of the line */
export function createProgress(stream: NodeJS.WriteStream, what: string): Progress {
  let said = "";
  let isOpen = false;
  return {
    report: (share, title) => {
      const percent = Math.floor(share * 100);
      if (!stream.isTTY) {
        const line = `${what}: ${Math.floor(percent / 10) * 10} %`;
        if (line !== said) stream.write(`${line}\n`);
        said = line;
        return;
      }
      const filled = Math.round(share * 20);
      const bar = "█".repeat(filled) + "░".repeat(20 - filled);
      stream.write(
        `\r\u001b[K${what} ${bar} ${String(percent).padStart(3)} %  ${title}`.slice(0, stream.columns || 80),
      );
      isOpen = true;
    },
    end: () => {
      if (isOpen) stream.write("\n");
      isOpen = false;
    },
  };
}
