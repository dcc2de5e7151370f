/** Programs of a test: on 127.0.0.1, on ports that were free, and ended with the test, even when that dies. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout } from "node:timers/promises";

export interface PrivateProcess {
  /** Resolves once it is gone. */
  stop(): Promise<void>;
}

/** Where a program is; servers are not in everybody's PATH. */
export function findInstalled(program: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** As many as asked for, all different. */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
      .once("error", reject)
      .listen(0, "127.0.0.1", () => resolve(server));
  });
}

/** Waits until something listens on the port. @throws with all that the program printed, when it ends before */
export async function startProcess(command: string, args: readonly string[], port: number): Promise<PrivateProcess> {
  const setpriv = findInstalled("setpriv");
  const [program, programArgs] = setpriv ? [setpriv, ["--pdeathsig", "KILL", command, ...args]] : [command, args];
  const child = spawn(program, programArgs, { stdio: ["ignore", "pipe", "pipe"] });
  const text: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => text.push(String(chunk)));
  while (!(await isListening(port))) {
    if (isGone(child)) throw new Error(`${command} ended before it listened: ${text.join("")}`);
    await setTimeout(30);
  }
  return {
    stop: async () => {
      if (isGone(child)) return;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    },
  };
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    }).once("error", () => resolve(false));
  });
}

/** Where a component is missing, its tests are left out, and the log says so; in CI that is an error. */
export function reportMissing(what: string): undefined {
  const message = `${what}: expected to be installed (node scripts/setup.mjs does it), got nothing`;
  if (process.env["CI"]) throw new Error(message);
  process.stderr.write(`left out: ${message}\n`);
  return undefined;
}
