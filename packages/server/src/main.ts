#!/usr/bin/env node
/** The server without the demo: `--help`, the environment, signals. */
import { buildServer } from "./app.ts";
import { readConfig, VARIABLES } from "./config.ts";

const HELP = `Interlude: repackages ad creatives into HLS, serves them, serves and tracks ads.

Usage: main.js [--help]

Environment:
${Object.entries(VARIABLES)
  .map(([name, meaning]) => `  ${name.padEnd(30)} ${meaning}`)
  .join("\n")}
`;

async function run(): Promise<void> {
  const unknown = process.argv.slice(2).find((argument) => argument !== "--help");
  if (unknown !== undefined) throw new Error(`arguments: expected --help or none, got ${JSON.stringify(unknown)}`);
  if (process.argv.length > 2) {
    process.stdout.write(HELP);
    return;
  }
  const config = readConfig(process.env);
  const server = await buildServer(config);
  const address = await server.start();
  const ended = waitForEnd();
  process.stdout.write(`Interlude is ready: ${address.href}\n`);
  if (config.isApiTokenNew) process.stdout.write(`API token: ${config.apiToken}\n`);
  await ended;
  await server.stop();
}

/** The first SIGINT or SIGTERM ends the server in order; the second ends it at once, as the system does by default. */
function waitForEnd(): Promise<void> {
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

run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
