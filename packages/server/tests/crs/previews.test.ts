import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startPostgres } from "../database/private-postgres.ts";
import { type MediaServer, startCrs, startMediaServer, type TestCrs } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

const postgres = await startPostgres();
if (postgres === undefined) console.warn("previews.test.ts: no PostgreSQL is installed, its test is skipped");
let media: MediaServer;
let crs: TestCrs;
beforeAll(async () => {
  media = await startMediaServer(testMedia);
  crs = await startCrs({ allow: [media], config: { rungs: [180] } });
});
afterAll(async () => {
  await crs.close();
  await media.close();
  await postgres?.stop();
});

async function look({ crs: { preview } }: Pick<TestCrs, "crs">, key: string) {
  const found = await preview("1", key);
  return found && { version: found.version, image: Buffer.from(found.image) };
}

/** What ffprobe, which is not ours, finds in a picture. */
function probe(image: Buffer | undefined, folder: string) {
  const path = join(folder, "shown.jpg");
  writeFileSync(path, image ?? "");
  const show = "stream=codec_name,width,height:format=format_name";
  return JSON.parse(
    String(execFileSync("ffprobe", ["-v", "error", "-show_entries", show, "-of", "json", "-f", "image2", path])),
  );
}

describe("the picture of a creative", () => {
  const listFolders = () => readdirSync(crs.config.workDir).filter((name) => name.startsWith("preview"));
  let key = "";
  beforeAll(async () => {
    ({ key } = await crs.repackage(new URL("one/plain.mp4", media.base)));
  });

  test("is made of its stored encoding, at most 480 pixels wide and high, the same for all who ask at once", async () => {
    const [first, second] = await Promise.all([look(crs, key), look(crs, key)]);
    expect(probe(first?.image, crs.folder).streams).toMatchObject([{ codec_name: "mjpeg", width: 480, height: 270 }]);
    expect([second, listFolders()]).toEqual([first, []]);
  });

  test("is of the film that the creative is now", async () => {
    const before = await look(crs, key);
    await crs.database.query("update creative_preview set encoding = 'of an earlier film', image = 'old'");
    expect(await look(crs, key)).toEqual(before);
  });

  test("is kept when its encoding is gone, and cannot be made without it", async () => {
    const before = await look(crs, key);
    const moved = `${crs.config.encodingDir}-away`;
    renameSync(crs.config.encodingDir, moved);
    expect(await look(crs, key)).toEqual(before);
    await crs.database.query("delete from creative_preview");
    expect(await look(crs, key)).toBeUndefined();
    renameSync(moved, crs.config.encodingDir);
    expect(await look(crs, key)).toEqual(before);
  });

  test("that cannot be made is none, and leaves nothing behind", async () => {
    await crs.database.query("delete from creative_preview");
    const zone = join(crs.config.encodingDir, "1");
    for (const name of readdirSync(zone)) writeFileSync(join(zone, name, "360p.mp4"), "no film");
    expect([await look(crs, key), listFolders()]).toEqual([undefined, []]);
  });

  test("goes with the creative, and there is none of one that nobody asked for", async () => {
    const insert = "insert into creative_preview (zone, key, encoding, image) values ('1', $1, 'x', 'y')";
    await crs.database.query(insert, [key]);
    await crs.crs.forget("1", key);
    expect(await crs.database.query("select 1 from creative_preview")).toEqual([]);
    expect(await look(crs, key)).toBeUndefined();
  });
});

test("a process that has no encodings gets the picture from the one that has them", async ({ skip }) => {
  if (!postgres) return skip("no PostgreSQL is installed");
  const options = { allow: [media], databaseUrl: postgres.url };
  const worker = await startCrs({ ...options, config: { rungs: [180] } });
  const server = await startCrs({ ...options, config: { concurrency: 0 } });
  onTestFinished(async () => {
    await Promise.all([worker.close(), server.close()]);
  });
  const { key } = await server.repackage(new URL("far/short.mp4", media.base));
  expect(existsSync(server.config.encodingDir)).toBe(false);
  const [one, two] = await Promise.all([look(server, key), look(server, key)]);
  expect(probe(one?.image, server.folder).streams).toMatchObject([{ width: 160 }]);
  expect(two?.version).toBe(one?.version);
});
