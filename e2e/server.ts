/**
 * A real Interlude for one spec: the same program that `npm start` runs, on a free port and on a state folder of its own, so that
 * a cold creative is really cold. The generated media are shared, because making them takes half a minute.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { placeDatabase } from "../packages/server/tests/database/new-database.ts";

export interface InterludeServer {
  readonly url: URL;
  /** The state folder: `cdn/a`, `cdn/b` and the database are in it. */
  readonly state: string;
  readonly token: string;
  /** Ends it and removes its state; resolves to the exit code, null where the signal itself ended it. */
  readonly stop: (signal?: "SIGTERM" | "SIGINT" | "SIGKILL") => Promise<number | null>;
}

const root = join(import.meta.dirname, "..");
const shared = join(root, ".interlude");

/**
 * @param env added to the environment of the server, e.g. `INTERLUDE_CRS: "off"`
 * @throws Error with the server's own output when it ends before it is ready
 */
export async function startInterlude(env: Readonly<Record<string, string>> = {}): Promise<InterludeServer> {
  await mkdir(shared, { recursive: true });
  const state = await mkdtemp(join(shared, "e2e-"));
  await placeDatabase(join(state, "database"));
  const child = spawn(process.execPath, ["-C", "interlude-source", "demo/start.ts"], {
    cwd: root,
    env: {
      NODE_COMPILE_CACHE: join(shared, "compile-cache"),
      ...process.env,
      PORT: "0",
      HOST: "127.0.0.1",
      INTERLUDE_STATE: state,
      INTERLUDE_MEDIA: join(shared, "media"),
      // Players and encoders on the same machine are no load that this server should shed.
      INTERLUDE_LEAN_DELAY: "60000",
      INTERLUDE_SHED_DELAY: "60000",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  const output: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => output.push(line));
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<{ readonly url: URL; readonly token: string }>((resolve, reject) => {
    let url: URL | undefined;
    lines.on("line", (line) => {
      output.push(line);
      const address = /^Interlude is ready: (\S+)/.exec(line)?.[1];
      if (address) url = new URL(address);
      const token = /^API token: (\S+)/.exec(line)?.[1];
      if (url && token) resolve({ url, token });
    });
    void exited.then(() => reject(new Error(`the server ended before it was ready:\n${output.join("\n")}`)));
  });
  const { url, token } = await ready;
  const stop: InterludeServer["stop"] = async (signal = "SIGTERM") => {
    child.kill(signal);
    const [code] = await exited;
    await rm(state, { recursive: true, force: true });
    return code;
  };
  return { url, state, token, stop };
}
