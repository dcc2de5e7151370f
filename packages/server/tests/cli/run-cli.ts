/** The command line as an operator runs it: the real binary, in processes of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { placeDatabase } from "../database/new-database.ts";

export const TOKEN = "a-token-for-these-tests";

const BIN = join(import.meta.dirname, "../../bin/interlude.js");
/** What Node has made of the modules: half a second of a processor for each process that need not make it anew. */
export const NODE_COMPILE_CACHE = join(import.meta.dirname, "../../../../.interlude/compile-cache");

type Env = Readonly<Record<string, string>>;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Says when something is to be ended: with the test, or with the file. */
type WhenOver = (end: () => void) => void;

/** Begins a command that sees only PATH, Node's cache and `env`; it ends with the test (or when `whenOver` says). */
export function startCli(args: readonly string[], env: Env = {}, whenOver: WhenOver = onTestFinished): ChildProcess {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  whenOver(() => void child.kill("SIGKILL"));
  return child;
}

/** Runs a command to its end. */
export async function runCli(args: readonly string[], env: Env = {}): Promise<Ended> {
  const child = startCli(args, env);
  const [stdout, stderr, [code]] = await Promise.all([
    readAll(child.stdout),
    readAll(child.stderr),
    once(child, "exit"),
  ]);
  return { code, stdout, stderr };
}

/** Waits for the line of a command's output that `pattern` matches; its first group, or the line. */
export async function waitForLine(child: ChildProcess, pattern: RegExp): Promise<string> {
  if (!child.stdout) throw new Error("expected a pipe");
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    const found = pattern.exec(line);
    if (found) return found[1] ?? found[0];
  }
  throw new Error(`expected a line like ${pattern}, got ${lines.join("\n")}`);
}

/** A server on a free port. */
export async function startServe(
  env: Env,
  whenOver?: WhenOver,
): Promise<{ readonly child: ChildProcess; readonly base: URL }> {
  const { INTERLUDE_STATE: state, DATABASE_URL: databaseUrl } = env;
  if (state !== undefined && databaseUrl === undefined) await placeDatabase(join(state, "database"));
  const standard = { PORT: "0", INTERLUDE_API_TOKEN: TOKEN, INTERLUDE_LOG: "silent" };
  const child = startCli([], { ...standard, ...env }, whenOver);
  return { child, base: new URL(await waitForLine(child, /^Interlude is ready: (\S+)$/)) };
}

async function readAll(stream: ChildProcess["stdout"]): Promise<string> {
  const chunks: string[] = [];
  for await (const chunk of stream ?? []) chunks.push(String(chunk));
  return chunks.join("");
}
