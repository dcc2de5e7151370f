/** What every target must do, whatever is behind it; CRS relies on each of these. */
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Place, RemotePlace } from "./places.ts";
import { startRelay, startSilent } from "./relay.ts";

const H = "0123456789abcdef".repeat(2);
const MASTER_OPTIONS = { contentType: "application/vnd.apple.mpegurl", cacheControl: "public, max-age=5" };
const SEGMENT_OPTIONS = { contentType: "video/mp2t", cacheControl: "public, max-age=31536000, immutable" };
const BIG = 12_000_000;

export interface Fetched {
  readonly status: number;
  readonly contentType: string | null;
  readonly cacheControl: string | null;
  readonly sha256: string;
}

export async function fetchObject({ publicUrl }: Place, path: string): Promise<Fetched> {
  const answer = await fetch(new URL(path, publicUrl));
  return {
    status: answer.status,
    contentType: answer.headers.get("content-type"),
    cacheControl: answer.headers.get("cache-control"),
    sha256: sha256(Buffer.from(await answer.arrayBuffer())),
  };
}

export function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A path that no other test has. */
let count = 0;
const newFolder = (): string => `1/012/${++count}`;

/** @param many objects below the folder that is removed: more than the store lists at a time */
export function testTarget(getPlace: () => Place, many: number): void {
  const folder = mkdtempSync(join(tmpdir(), "interlude-target-"));
  const big = join(folder, "big.ts");
  beforeAll(() => writeFileSync(big, Buffer.alloc(BIG, "0123456789abcdef\n")));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const statusOf = async (path: string): Promise<number> => (await fetchObject(getPlace(), path)).status;

  test("a text and a file of 12 MB are read with the type and the life that they were put with", async () => {
    const at = newFolder();
    const [master, segment] = [`${at}/${H}_${H}.m3u8`, `${at}/${H}_${H}/v1/360p/00000.ts`];
    await getPlace().target.put(segment, { file: big }, SEGMENT_OPTIONS);
    await getPlace().target.put(master, "#EXTM3U\n", MASTER_OPTIONS);
    expect(await fetchObject(getPlace(), master)).toEqual({
      status: 200,
      ...MASTER_OPTIONS,
      sha256: sha256("#EXTM3U\n"),
    });
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(big)) hash.update(chunk);
    const read = await fetchObject(getPlace(), segment);
    expect(read).toEqual({ status: 200, ...SEGMENT_OPTIONS, sha256: hash.digest("hex") });
  });

  test("an object is replaced by a shorter one, and by several at once with one of them", async () => {
    const path = `${newFolder()}/${H}_${H}.m3u8`;
    const { target } = getPlace();
    await target.put(path, "a longer text than the next", MASTER_OPTIONS);
    await target.put(path, "short", MASTER_OPTIONS);
    expect((await fetchObject(getPlace(), path)).sha256).toBe(sha256("short"));
    const texts = ["one", "two", "three", "four"];
    await Promise.all(texts.map((text) => target.put(path, text, MASTER_OPTIONS)));
    expect(texts.map(sha256)).toContain((await fetchObject(getPlace(), path)).sha256);
  });

  test("an object is removed, and only that; one that is not there may be removed too", async () => {
    const at = newFolder();
    const { target } = getPlace();
    for (const name of ["x.m3u8", "x.m3u8.ts", "x/y.ts"]) await target.put(`${at}/${name}`, "x", SEGMENT_OPTIONS);
    await target.remove(`${at}/x.m3u8`);
    await target.remove(`${at}/x.m3u8`);
    await target.remove(`${at}/never/there.ts`);
    expect(await statusOf(`${at}/x.m3u8`)).toBe(404);
    expect([await statusOf(`${at}/x.m3u8.ts`), await statusOf(`${at}/x/y.ts`)]).toEqual([200, 200]);
  });

  test(`a folder of ${many} objects is removed, and none beside it; one that is not there may be removed too`, async () => {
    const at = newFolder();
    const { target } = getPlace();
    const inside = Array.from({ length: many }, (_, i) => `${at}/gone/${i % 3}/${i}.ts`);
    const beside = [`${at}/gone.m3u8`, `${at}/gone2/x.ts`];
    await forAll([...inside, ...beside], (path) => target.put(path, "x", SEGMENT_OPTIONS));
    await target.removeFolder(`${at}/gone`);
    await target.removeFolder(`${at}/gone`);
    const found: number[] = [];
    await forAll(inside, async (path) => void found.push(await statusOf(path)));
    expect([found.length, ...new Set(found)]).toEqual([many, 404]);
    expect(await Promise.all(beside.map(statusOf))).toEqual([200, 200]);
  });

  test.each([
    "../x",
    "1/../x",
    "/x",
    "1//x",
    "1/x/",
    ".hidden",
    "1/%2e%2e/x",
    "a b",
    "ä",
    "x?y",
    "x#y",
    "1\\x",
    "x\n",
    "",
  ])("%j is no path", async (path) => {
    const { target } = getPlace();
    await expect(target.put(path, "x", SEGMENT_OPTIONS)).rejects.toThrow("expected parts of letters");
    await expect(target.remove(path)).rejects.toThrow("expected parts of letters");
    await expect(target.removeFolder(path)).rejects.toThrow("expected parts of letters");
  });

  test("a file that is not there is said to be so, and nothing is put", async () => {
    const path = `${newFolder()}/x.ts`;
    const put = getPlace().target.put(path, { file: join(folder, "missing.ts") }, SEGMENT_OPTIONS);
    await expect(put).rejects.toThrow("ENOENT");
    expect(await statusOf(path)).toBe(404);
  });

  test("an upload that its signal ends leaves nothing", async () => {
    const path = `${newFolder()}/x.ts`;
    const controller = new AbortController();
    const put = getPlace().target.put(path, { file: big }, { ...SEGMENT_OPTIONS, signal: controller.signal });
    controller.abort(new Error("changed my mind"));
    await expect(put).rejects.toThrow("changed my mind");
    const late = getPlace().target.put(path, "x", { ...SEGMENT_OPTIONS, signal: controller.signal });
    await expect(late).rejects.toThrow("changed my mind");
    expect(await statusOf(path)).toBe(404);
  });
}

/** For a target on the network: what may go wrong on the way. */
export function testRemoteTarget(getPlace: () => RemotePlace): void {
  const folder = mkdtempSync(join(tmpdir(), "interlude-remote-"));
  const big = join(folder, "big.ts");
  beforeAll(() => writeFileSync(big, Buffer.alloc(BIG)));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("readers have the old object until the whole new one is there, and keep it when its upload is ended", async () => {
    const path = `${newFolder()}/x.ts`;
    const place = getPlace();
    await place.target.put(path, "old", SEGMENT_OPTIONS);
    const relay = await startRelay(place.address, 1_000_000);
    onTestFinished(() => relay.close());
    const controller = new AbortController();
    const put = place.by(relay.url).put(path, { file: big }, { ...SEGMENT_OPTIONS, signal: controller.signal });
    await relay.stalled;
    await place.waitForUnfinished(1);
    expect((await fetchObject(place, path)).sha256).toBe(sha256("old"));
    controller.abort(new Error("changed my mind"));
    await expect(put).rejects.toThrow("changed my mind");
    await relay.left;
    await place.waitForUnfinished(0);
    expect((await fetchObject(place, path)).sha256).toBe(sha256("old"));
  });

  test("a wrong secret is told with the store's name and answer, and without the secret", async () => {
    const { withWrongSecret: target, refusal } = getPlace();
    const put = target.put("1/x.ts", { file: big }, SEGMENT_OPTIONS);
    await expect(put).rejects.toThrow(refusal);
    await expect(put).rejects.toThrow(/^CDN \w+: .*1\/x\.ts: expected /);
    await expect(put).rejects.not.toThrow("nobody-has-this");
    await expect(target.remove("1/x.ts")).rejects.toThrow(/40[13]/);
    await expect(target.removeFolder("1/x")).rejects.toThrow(/40[13]/);
  });

  test("where nothing listens, the error says so", async () => {
    const relay = await startSilent();
    await relay.close();
    const target = getPlace().by(relay.url);
    await expect(target.put("1/x.ts", { file: big }, SEGMENT_OPTIONS)).rejects.toThrow("ECONNREFUSED");
    await expect(target.remove("1/x.ts")).rejects.toThrow("ECONNREFUSED");
    await expect(target.removeFolder("1/x")).rejects.toThrow("ECONNREFUSED");
  });

  test("one that takes everything and never answers is given up after its silence", async () => {
    const silent = await startSilent();
    onTestFinished(() => silent.close());
    const target = getPlace().by(silent.url, { idleTimeoutMs: 300 });
    await expect(target.put("1/x.ts", "x", SEGMENT_OPTIONS)).rejects.toThrow(/^CDN .*1\/x\.ts.*[Tt]imeout/);
    await expect(target.put("1/x.ts", { file: big }, SEGMENT_OPTIONS)).rejects.toThrow(/[Tt]imeout/);
    await expect(target.removeFolder("1/x")).rejects.toThrow(/[Tt]imeout/);
  });
}

/** Sixteen at a time. */
async function forAll(paths: readonly string[], work: (path: string) => Promise<void>): Promise<void> {
  const rest = paths.values();
  const workOff = async (): Promise<void> => {
    for (const path of rest) await work(path);
  };
  await Promise.all(Array.from({ length: 16 }, workOff));
}
