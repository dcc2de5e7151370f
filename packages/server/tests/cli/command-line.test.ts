import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { creativeKey } from "@interlude/core";
import { afterAll, describe, expect, test } from "vitest";
import { createPreloadClient } from "../../src/commands/preload-client.ts";
import { testMedia } from "../crs/test-media.ts";
import { startPostgres } from "../database/private-postgres.ts";
import { loopback } from "../http/loopback.ts";
import { inLine, vast } from "./ad-world.ts";
import { runCli, startCli, startServe, TOKEN, waitForLine } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "interlude-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("interlude", () => {
  test.each([
    [["--help"], "INTERLUDE_TRUST_PROXY"],
    [["help"], "preload"],
    [["serve", "--help"], "Usage: interlude serve"],
    [["worker", "--help"], "DATABASE_URL"],
    [["preload", "--help"], "--target-duration"],
    [["preload", "-h", "--nonsense"], "--token-file"],
  ])("%j tells how it is used", async (args, expected) => {
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(expected);
  });

  test.each([
    [["sreve"], 'expected one of serve, worker, preload, got "sreve"'],
    [["--port=80"], "Unknown option '--port'"],
    [["serve", "now"], "Unexpected argument 'now'"],
    [["worker", "--fast"], "Unknown option '--fast'"],
    [["preload", "--fast", "x"], "Unknown option '--fast'"],
    [["preload"], "expected one URL or file, got 0"],
    [["preload", "a", "b"], "expected one URL or file, got 2"],
    [["preload", "a", "--packaging=dash"], '--packaging: expected one of hls, cmaf, got "dash"'],
    [["preload", "a", "--target-duration=6,5"], '--target-duration: expected one of 6, 4, 2, got "5"'],
    [["preload", "a", "--server=localhost"], '--server: expected an http or https URL, got "localhost"'],
    [["preload", "a", "--timeout=soon"], '--timeout: expected whole seconds, got "soon"'],
    [["preload", "a", "--zone=a/b"], '--zone: expected letters, digits, _ or -, got "a/b"'],
    [["preload", "a"], "expected the server's API token in INTERLUDE_API_TOKEN or --token-file, got none"],
  ])("%j ends with a sentence and 2", async (args, sentence) => {
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr.split("\n")[0]).toBe(sentence);
    expect(stderr).toContain("--help tells more");
  });

  test("serves without a command, as one process: the signal reaches the server itself", async () => {
    const { child, base } = await startServe({ INTERLUDE_STATE: join(folder, "serve") });
    expect((await fetch(new URL("/healthz", base))).status).toBe(200);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});

describe("interlude worker", () => {
  test.each([
    [{}, /^DATABASE_URL: expected postgres:\/\/…, got nothing; without it the queue is in an embedded database/],
    [{ DATABASE_URL: "postgres://x", INTERLUDE_CRS: "off" }, /^INTERLUDE_CRS: expected on for a worker, got off/],
    [
      { DATABASE_URL: "postgres://x", INTERLUDE_CRS_CONCURRENCY: "0" },
      /^INTERLUDE_CRS_CONCURRENCY: expected 1 or more/,
    ],
  ])("refuses with %j, and says why", async (env, sentence) => {
    const { code, stdout, stderr } = await runCli(["worker"], { INTERLUDE_STATE: join(folder, "none"), ...env });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(sentence);
  });

  test("a server that leaves the work to workers needs a database that they can reach", async () => {
    const { code, stderr } = await runCli([], { INTERLUDE_CRS_CONCURRENCY: "0" });
    expect([code, stderr]).toEqual([
      1,
      'INTERLUDE_CRS_CONCURRENCY: expected 1 or more where DATABASE_URL is not set, got "0"\n',
    ]);
  });

  test("does the work of a server that does none, and puts back what it has in hand when it ends", async ({ skip }) => {
    const postgres = await startPostgres();
    if (!postgres) return skip("no PostgreSQL is installed");
    let requests = 0;
    const asked = Promise.withResolvers<void>();
    // The first to fetch the creative waits for its first byte, for as long as it wants.
    const media = await loopback((_request, response) => {
      requests++;
      if (requests === 1) asked.resolve();
      else response.writeHead(200, { "content-type": "video/mp4" }).end(readFileSync(testMedia("short.mp4")));
    });
    const creativeUrl = `${media.origin}/short.mp4`;
    const vastFile = join(folder, "worker.xml");
    writeFileSync(vastFile, vast(inLine(media.origin, "a", [{ path: "/short.mp4" }])));
    const env = {
      DATABASE_URL: postgres.url,
      INTERLUDE_STATE: join(folder, "shared"),
      INTERLUDE_FETCH_ALLOW_PRIVATE: `127.0.0.1:${media.port}`,
      INTERLUDE_LOG: "silent",
      INTERLUDE_API_TOKEN: TOKEN,
    };
    const { child: server, base } = await startServe({ ...env, INTERLUDE_CRS_CONCURRENCY: "0" });
    const client = createPreloadClient({ server: base, token: TOKEN, zone: "1", id3: false });
    const look = async () => (await client.look(creativeKey("1", creativeUrl)))?.state;
    const preload = startCli(["preload", vastFile, `--server=${base.href}`, "--target-duration=6"], env);
    await waitForLine(preload, /^queued/);

    const first = startCli(["worker"], env);
    await waitForLine(first, /^Interlude worker is ready: 1 at a time$/);
    await asked.promise;
    expect(await look()).toBe("fetching");
    first.kill("SIGTERM");
    expect(await once(first, "exit")).toEqual([0, null]);
    expect(await look()).toBe("queued");
    // Nobody works on it now.
    const impatient = await runCli(["preload", vastFile, `--server=${base.href}`, "--timeout=1"], env);
    expect([impatient.code, impatient.stdout]).toEqual([1, expect.stringMatching(/queued +not ready within 1 s$/m)]);

    const second = startCli(["worker"], env);
    const [code] = await once(preload, "exit");
    expect([code, await look(), requests]).toEqual([0, "ready", 2]);
    for (const child of [second, server]) {
      child.kill("SIGTERM");
      expect(await once(child, "exit")).toEqual([0, null]);
    }
    await postgres.stop();
  });
});
