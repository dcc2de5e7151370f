import { readdirSync, readFileSync } from "node:fs";

/** The command lines of all processes that run now. */
export function listCommands(): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
      } catch {
        return []; // ended in the meantime
      }
    });
}
