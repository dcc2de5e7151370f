import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listCommands } from "./processes.ts";

const root = join(import.meta.dirname, "../..");
let directory = "";
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), "interlude-start-"))));
afterAll(async () => rm(directory, { recursive: true, force: true }));

function start(env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, ["-C", "interlude-source", "demo/start.ts"], {
    cwd: root,
    env: { ...process.env, INTERLUDE_STATE: join(directory, "state"), PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Exit code and everything that was said. */
async function end(child: ChildProcess): Promise<{ readonly code: unknown; readonly said: string }> {
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data: Buffer) => (said += data.toString()));
  const [code] = await once(child, "close");
  return { code, said };
}

describe("npm start", () => {
  test("names a port that is taken and how to choose another, before it makes anything", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const { code, said } = await end(start({ PORT: String(port) }));
    other.close();
    expect(code).toBe(1);
    expect(said).toBe(
      `PORT: ${port} on 127.0.0.1 is taken by another program. Choose another one:\n  PORT=${port + 1} npm start\n`,
    );
  });

  test.each([
    [{ PORT: "many" }, "PORT: expected a whole number from 0 to 65535"],
    [{ HOST: "203.0.113.7" }, "HOST: expected an address of this machine, got 203.0.113.7"],
  ])("refuses %o in one line", async (env, line) => {
    const { code, said } = await end(start(env));
    expect(code).toBe(1);
    expect(said).toContain(line);
    expect(said.trim().split("\n")).toHaveLength(1);
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s while it makes its media ends it with code 0 and no ffmpeg left",
    async (name) => {
      const media = join(directory, name);
      const child = start({ INTERLUDE_MEDIA: media });
      const ended = end(child);
      child.stderr?.once("data", () => child.kill(name));
      expect((await ended).code).toBe(0);
      expect(listCommands().filter((command) => command.includes(media))).toEqual([]);
    },
  );
});
