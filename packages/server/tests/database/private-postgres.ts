/** A PostgreSQL of our own in a temporary folder, for the tests that need a real one; undefined where none is installed, an error in CI. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface PrivatePostgres {
  readonly url: string;
  stop(): Promise<void>;
}

const ROOT = "/usr/lib/postgresql";

/** A server refuses to run as root; nobody's ids exist everywhere. */
const NOBODY = 65_534;

export async function startPostgres(): Promise<PrivatePostgres | undefined> {
  const version = existsSync(ROOT) ? readdirSync(ROOT).at(-1) : undefined;
  if (version === undefined) {
    if (process.env["CI"])
      throw new Error(`${ROOT}: expected PostgreSQL, which scripts/setup.mjs installs, got nothing`);
    return undefined;
  }
  const bin = join(ROOT, version, "bin");
  const folder = mkdtempSync(join(tmpdir(), "interlude-postgres-"));
  const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (identity.uid !== undefined) chownSync(folder, NOBODY, NOBODY);
  const data = join(folder, "data");
  const made = spawnSync(join(bin, "initdb"), ["-D", data, "-U", "interlude", "-A", "trust", "-N"], identity);
  if (made.status !== 0) throw new Error(`initdb: ${String(made.stderr)}`);
  const port = await findFreePort();
  const settings = ["-h", "127.0.0.1", "-p", String(port), "-k", folder, "-c", "fsync=off"];
  const child = spawn(join(bin, "postgres"), ["-D", data, ...settings], {
    ...identity,
    stdio: ["ignore", "ignore", "pipe"],
  });
  await waitForLine(child, "ready to accept connections");
  return {
    url: `postgres://interlude@127.0.0.1:${port}/postgres`,
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGINT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no free port")),
      );
    });
  });
}

function waitForLine(child: ChildProcess, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(line)) resolve();
    });
    child.once("exit", () => reject(new Error(`postgres ended: ${text}`)));
  });
}
