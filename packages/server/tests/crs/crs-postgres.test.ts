/** Several instances on one PostgreSQL. Runs where a PostgreSQL is installed. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres } from "../database/private-postgres.ts";
import { type MediaServer, startCrs, startMediaServer } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

const postgres = await startPostgres();
let media: MediaServer;
let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "interlude-instances-"));
  media = await startMediaServer(testMedia);
});
afterAll(async () => {
  await postgres?.stop();
  await media.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.runIf(postgres !== undefined)("several instances on one PostgreSQL", () => {
  const options = () => ({ folder, databaseUrl: postgres?.url, allow: [media] });

  test("200 requests to three instances at once cause one download and one encode", async () => {
    const instances = await Promise.all([1, 2, 3].map(() => startCrs(options())));
    const url = new URL("instances/short.mp4", media.base);
    const input = { zone: "1", creativeUrl: url.href, packaging: "hls", targetDuration: 6 } as const;
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => instances[index % 3]?.crs.submit(input)),
    );
    expect(answers.filter((answer) => answer?.before === "absent")).toHaveLength(1);
    const key = answers[0]?.key ?? "";
    const made = await Promise.race(instances.map((one) => one.waitFor(key, ({ state }) => state === "ready")));
    expect(made.packages).toMatchObject([{ cdns: ["a", "b"] }]);
    expect(media.requests.filter((path) => path === url.pathname)).toHaveLength(1);
    for (const one of instances) expect(await one.crs.status("1", key)).toMatchObject({ state: "ready", progress: 1 });
    await Promise.all(instances.map((one) => one.close()));
  });

  test("a job whose instance was killed is taken up by another one", async () => {
    const url = new URL("killed/big.mp4", media.base);
    const script = fileURLToPath(new URL("./run-crs.ts", import.meta.url));
    const child = spawn(process.execPath, ["-C", "interlude-source", script, folder, url.href, postgres?.url ?? ""], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface({ input: child.stdout })) {
      if (/^transcoding 0\.(0[6-9]|[1-9])/.test(line)) break;
    }
    const other = await startCrs(options());
    const [held] = (await other.crs.list({ state: "transcoding" })).creatives;
    expect(held).toMatchObject({ creativeUrl: url.href, attempts: 1 });
    child.kill("SIGKILL");
    const taken = await other.waitFor(held?.key ?? "", ({ state, attempts }) => state === "fetching" && attempts === 2);
    expect(taken.key).toBe(held?.key);
    const made = await other.waitFor(taken.key, ({ state }) => state === "ready");
    expect(made.packages).toMatchObject([{ cdns: ["a", "b"] }]);
    await other.close();
  });
});
