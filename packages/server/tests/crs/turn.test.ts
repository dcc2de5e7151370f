/** A turn of a creative, where things go wrong beside it. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { RepackageRequestInput } from "../../src/crs/crs.ts";
import { defaultCrsConfig } from "../../src/crs/crs-config.ts";
import { createFfmpeg } from "../../src/crs/ffmpeg.ts";
import { findProgram, writeWrapper } from "../../src/crs/ffmpeg-wrapper.ts";
import { createFfprobe } from "../../src/crs/ffprobe.ts";
import type { MediaTools } from "../../src/crs/media-tools.ts";
import { repackage, type RepackagePorts } from "../../src/crs/repackage.ts";
import type { Database } from "../../src/database/database.ts";
import { openTestDatabase, startCrs, startServer, type TestCrs, type TestCrsOptions } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

/** A source that can be taken away. */
let isThere = true;
const serve = (_request: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(isThere ? 200 : 404).end(isThere ? readFileSync(testMedia("short.mp4")) : undefined);
};

async function start(options: Partial<TestCrsOptions> = {}): Promise<{ crs: TestCrs; request: RepackageRequestInput }> {
  isThere = true;
  const media = await startServer(serve);
  const crs = await startCrs({ allow: [media], database, ...options });
  onTestFinished(async () => {
    await crs.close();
    await media.close();
  });
  const creativeUrl = new URL("spot.mp4", media.base).href;
  return { crs, request: { zone: "1", creativeUrl, packaging: "hls", targetDuration: 6 } };
}

describe("a ready creative", () => {
  test("whose source is gone is still cut for another target duration, from what is stored", async () => {
    const { crs, request } = await start({ config: { revalidateMs: 1 } });
    await crs.repackage(new URL(request.creativeUrl));
    isThere = false;
    const { key } = await crs.crs.submit({ ...request, targetDuration: 4 });
    const made = await crs.waitFor(key, ({ state, packages }) => state !== "queued" && packages.length === 2);
    const ended = await crs.waitFor(made.key, ({ state }) => state === "ready" || state === "failed");
    expect(ended).toMatchObject({ state: "ready", packages: [{ targetDuration: 6 }, { targetDuration: 4 }] });
  });

  test("that was taken from every CDN does not keep the next request for it from its end", async () => {
    const { crs, request } = await start();
    const { key } = await crs.repackage(new URL(request.creativeUrl));
    for (const cdn of ["a", "b"]) await crs.crs.purge("1", key, cdn);
    await crs.crs.submit({ ...request, targetDuration: 4, id3: true });
    const ready = await crs.waitFor(key, ({ state, packages }) => state === "ready" && packages.length === 1);
    expect(ready.packages).toMatchObject([{ targetDuration: 4, cdns: ["a", "b"], isWhole: true }]);
  });
});

test("a database that is away for a moment while the ladder is made costs a look for other packages, and nothing else", async () => {
  const folder = mkdtempSync(join(tmpdir(), "interlude-turn-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const looks: string[] = [];
  const failed = Promise.withResolvers<unknown>();
  const tools = buildTools(folder);
  const ports: RepackagePorts = {
    tools: {
      ...tools,
      // The ladder takes so long that it is looked for other packages meanwhile.
      runFfmpeg: async (command, options) => {
        const report = await tools.runFfmpeg(command, options);
        if (command.outputs.some(({ path }) => path.endsWith("/90p.mp4"))) await failed.promise;
        return report;
      },
    },
    creativeKey: "0".repeat(32),
    fetchSource: async () => {
      mkdirSync(join(folder, "source"));
      const path = join(folder, "source/source");
      copyFileSync(testMedia("short.mp4"), path);
      return { video: { path, format: "mov" }, facts: { bytes: 1, sha256: "" } };
    },
    enter: async () => undefined,
    onProgress: () => undefined,
    keepEncoding: async (encoding) => encoding,
    nextPackage: async (layer) => {
      looks.push(layer);
      if (layer === "first" && looks.length > 1) throw new Error("the database is away");
      return undefined;
    },
    openRemux: async () => undefined,
    publish: async () => undefined,
    withdrawRemux: async () => undefined,
    onFirstLayerFailure: failed.resolve,
  };
  await repackage(folder, { fetched: undefined }, ports, new AbortController().signal);
  expect(await failed.promise).toMatchObject({ message: "the database is away" });
  expect(looks.at(-1)).toBe("ladder");
});

function buildTools(directory: string): MediaTools {
  const setpriv = findProgram("setpriv", process.env["PATH"] ?? "");
  const wrap = (program: string): string => writeWrapper({ directory, program, parent: process.pid, setpriv });
  return {
    runFfmpeg: createFfmpeg(wrap("ffmpeg")),
    runFfprobe: createFfprobe(wrap("ffprobe")),
    config: defaultCrsConfig(directory),
  };
}
