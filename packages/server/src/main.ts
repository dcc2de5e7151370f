#!/usr/bin/env node
/** The command line: which command, its exit code, and one sentence for what went wrong. */
import { type Command, UsageError } from "./commands/command.ts";
import { VARIABLES } from "./config.ts";

const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["serve", async () => (await import("./commands/serve.ts")).serveCommand],
  ["worker", async () => (await import("./commands/worker.ts")).workerCommand],
  ["preload", async () => (await import("./commands/preload.ts")).preloadCommand],
]);

const HELP = `Interlude: stitches ads into HLS, repackages their creatives just in time, serves and tracks ads.

Usage: interlude [command] [--help]

Commands:
  serve      the server, which is also what runs without a command
  worker     repackages for servers that share a PostgreSQL with it; listens to nobody
  preload    has every creative of an ad response repackaged before any viewer comes

Environment:
${Object.entries(VARIABLES)
  .map(([name, meaning]) => `  ${name.padEnd(30)} ${meaning}`)
  .join("\n")}
`;

async function run([first, ...rest]: readonly string[]): Promise<number> {
  if (first === "--help" || first === "-h" || first === "help") return print(HELP);
  const name = first?.startsWith("-") === true || first === undefined ? "serve" : first;
  const load = COMMANDS.get(name);
  if (load === undefined) {
    throw new UsageError(
      `expected one of ${[...COMMANDS.keys()].join(", ")}, got ${JSON.stringify(name)}`,
      "interlude",
    );
  }
  const command = await load();
  const args = first === name ? rest : process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) return print(command.help);
  return command.run(args);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

run(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    if (error instanceof UsageError) process.stderr.write(`${error.command} --help tells more\n`);
    // What failed may have left something open.
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
