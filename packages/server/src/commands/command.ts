/** What the commands of the command line have in common. */
import { parseArgs, type ParseArgsConfig } from "node:util";

export interface Command {
  /** Ends with a line break. */
  readonly help: string;
  /** Gets what stands behind the command's name; the exit code. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

/** The command was typed wrongly; `command` is the one whose `--help` tells more. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly command: string;

  constructor(message: string, command: string) {
    super(message);
    this.command = command;
  }
}

/**
 * The options and positionals of a command.
 *
 * @throws UsageError in the words of `node:util`, for an option that the config does not have among others
 */
export function readArguments<const Config extends ParseArgsConfig>(
  command: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const isUsage = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
    if (!isUsage) throw error;
    // What follows the first sentence explains Node, not us.
    throw new UsageError(error.message.split(/\.(?: |$)/)[0] ?? error.message, command);
  }
}

/** The first SIGINT or SIGTERM is for the program to end in order; the second ends it at once, as the system does by default. */
export function waitForEnd(): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      process.off("SIGINT", end);
      process.off("SIGTERM", end);
      resolve();
    };
    process.on("SIGINT", end);
    process.on("SIGTERM", end);
  });
}
