/** The one command: a port of its own, one URL, and an end that leaves nothing behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { callApi, creativeUrl, followCrs } from "./demo-page.ts";
import { startInterlude } from "./server.ts";
import { selectCells } from "./matrix.ts";

/** Programs whose command line names a folder. */
async function findPrograms(folder: string): Promise<readonly string[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
  return lines.map((line) => line.replaceAll("\0", " ")).filter((line) => line.includes(folder));
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGKILL"] as const;

for (const signal of selectCells<(typeof SIGNALS)[number]>(SIGNALS, ["SIGTERM", "SIGKILL"])) {
  test(`${signal} in the middle of a transcode leaves no ffmpeg behind`, async () => {
    const server = await startInterlude();
    const crs = await followCrs(server);
    const item = { zone: "1", creativeUrl: creativeUrl(server, "mp4"), packaging: "hls", targetDuration: 4 };
    await callApi(server, "POST", "/v1/repackage", { items: [item] });
    await expect
      .poll(() => findPrograms(server.state), { intervals: [50] })
      .toContainEqual(expect.stringContaining("ffmpeg"));
    crs.end();
    const code = await server.stop(signal);
    if (signal !== "SIGKILL") expect(code).toBe(0);
    await expect.poll(() => findPrograms(server.state)).toEqual([]);
  });
}

test("a port that is taken is named, with the line to type instead", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const root = join(import.meta.dirname, "..");
  const env = { ...process.env, PORT: String(port), HOST: "127.0.0.1" };
  const child = spawn(process.execPath, ["-C", "interlude-source", "demo/start.ts"], { cwd: root, env });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [code] = await once(child, "exit");
  other.close();
  expect(code).toBe(1);
  expect(said).toContain(`PORT: ${port} on 127.0.0.1 is taken`);
  expect(said).toContain("npm start");
});
