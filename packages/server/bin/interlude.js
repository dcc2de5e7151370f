#!/usr/bin/env node
/**
 * Starts the command line. In a checkout it runs the TypeScript as it stands, else what was built. The process is replaced, not
 * wrapped: signals and the exit code are the command's own.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const built = new URL("../dist/main.js", import.meta.url);
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`interlude: expected Node 22.18 or later, got ${process.versions.node}\n`);
  process.exitCode = 1;
} else if (existsSync(source) && process.execve) {
  const args = [process.execPath, ...process.execArgv, "-C", "interlude-source", source, ...process.argv.slice(2)];
  process.execve(process.execPath, args, process.env);
} else if (existsSync(fileURLToPath(built))) {
  await import(built.href);
} else {
  process.stderr.write(
    "interlude: expected a build beside it (npm run build), since this system cannot replace a process\n",
  );
  process.exitCode = 1;
}
