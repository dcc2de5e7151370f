import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { defaultCrsConfig } from "../../src/crs/crs-config.ts";
import type { RunFfmpeg } from "../../src/crs/ffmpeg.ts";
import { createPreviews, type Previews } from "../../src/crs/previews.ts";
import { openTestDatabase } from "../http/test-app.ts";

const database = await openTestDatabase();
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface World {
  readonly previews: Previews;
  /** Adds encoded creatives; their keys. */
  readonly add: (count: number) => Promise<readonly string[]>;
}

function openWorld(runFfmpeg: RunFfmpeg): World {
  const folder = mkdtempSync(join(tmpdir(), "interlude-preview-queue-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const config = defaultCrsConfig(folder);
  const add = async (count: number): Promise<readonly string[]> => {
    const keys = Array.from({ length: count }, () => randomUUID().replaceAll("-", ""));
    for (const key of keys) {
      const encoding = {
        folder: `1/${key}-1`,
        duration: 4,
        frameRate: { numerator: 25, denominator: 1 },
        renditions: [{ name: "180p", width: 320, height: 180, codec: "avc1.42c00d", bandwidthBps: 1000 }],
      };
      const stored = join(config.encodingDir, encoding.folder);
      mkdirSync(stored, { recursive: true });
      for (const name of ["180p.mp4", "audio.aac"]) writeFileSync(join(stored, name), "");
      const insert =
        "insert into creative (zone, key, creative_url, state, encoding) values ('1', $1, 'x', 'ready', $2)";
      await database.query(insert, [key, JSON.stringify(encoding)]);
    }
    return keys;
  };
  return { previews: createPreviews({ database, config, runFfmpeg, log }), add };
}

test("pictures are made one at a time, and each once, however many want it", async () => {
  let running = 0;
  const seen: number[] = [];
  const { previews, add } = openWorld(async ({ outputs }) => {
    seen.push(++running);
    writeFileSync(outputs[0]?.path ?? "", `picture ${seen.length}`);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return "";
  });
  const keys = await add(3);
  const found = await Promise.all([...keys, ...keys, ...keys].map((key) => previews.find({ zone: "1", key })));
  expect(seen).toEqual([1, 1, 1]);
  const texts = found.map((one) => Buffer.from(one?.image ?? []).toString());
  expect([new Set(texts).size, texts.slice(3, 6), texts.slice(6)]).toEqual([3, texts.slice(0, 3), texts.slice(0, 3)]);
  await previews.close();
});

test("of more than a hundred that wait the next is told when to come again, and the end of the process ends them all", async () => {
  let started = (): void => undefined;
  const isStarted = new Promise<void>((resolve) => (started = resolve));
  const { previews, add } = openWorld((_command, { signal }) => {
    started();
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  const [last = "", ...keys] = await add(101);
  const waiting = Promise.allSettled(keys.map((key) => previews.find({ zone: "1", key })));
  await isStarted;
  // Whoever asked before has been seen to by the database before this one is.
  await expect(previews.find({ zone: "1", key: last })).rejects.toMatchObject({
    code: "overload",
    retryAfterSeconds: 5,
  });
  await previews.close();
  const ends = await waiting;
  expect(ends.filter((end) => end.status === "fulfilled" && end.value !== undefined)).toEqual([]);
});
