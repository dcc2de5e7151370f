/** One creative, several that want to write about it: jobs, turns, instances. */
import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import type { RepackageRequestInput } from "../../src/crs/crs.ts";
import { startCrs, startServer, type TestCrs, type TestCrsOptions } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

interface Started {
  readonly crs: TestCrs;
  readonly request: RepackageRequestInput;
}

/** @param status of the answer to a request for the source */
async function start(options: Partial<TestCrsOptions> = {}, status = (): number => 200): Promise<Started> {
  const media = await startServer((_request, response) => {
    const code = status();
    response.writeHead(code).end(code === 200 ? readFileSync(testMedia("short.mp4")) : undefined);
  });
  const crs = await startCrs({ allow: [media], ...options });
  onTestFinished(async () => {
    await crs.close();
    await media.close();
  });
  const creativeUrl = new URL("spot.mp4", media.base).href;
  return { crs, request: { zone: "1", creativeUrl, packaging: "hls", targetDuration: 6 } };
}

describe("a creative whose source is down for a while", () => {
  test("is begun at once by a retry, however long its next attempt is away", async () => {
    const statuses = [503, 200];
    const retry = { maxAttempts: 3, permanentBackoff: 600, transientBackoff: 600 };
    const { crs, request } = await start({ config: { retry } }, () => statuses.shift() ?? 200);
    const { key } = await crs.crs.submit(request);
    await crs.waitFor(key, ({ state }) => state === "failed");
    expect(await crs.crs.retry("1", key)).toMatchObject({ state: "queued" });
    await crs.waitFor(key, ({ state }) => state === "ready");
  });
});

test("a creative that is forgotten and asked for again is never taken up under a lease that was given before", async () => {
  const { crs, request } = await start();
  const leases: unknown[] = [];
  for (const _ of [1, 2]) {
    const { key } = await crs.repackage(new URL(request.creativeUrl));
    leases.push(...(await crs.database.query("select lease from creative")));
    await crs.crs.forget("1", key);
  }
  expect(leases).toEqual([{ lease: 1 }, { lease: 2 }]);
});
