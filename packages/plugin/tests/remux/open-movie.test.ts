/** Finding a file's tables, and what is asked of its server for that. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { createByteSource, type ByteSource } from "../../src/remux/byte-source.ts";
import { openMovie } from "../../src/remux/open-movie.ts";
import { readFragmentOffsets } from "../../src/remux/mp4-segment-index.ts";
import { createFakeFile, type FakeFile } from "./fake-file.ts";
import { makeMedia, runFfmpeg } from "./probed-media.ts";

const folder = mkdtempSync(join(tmpdir(), "interlude-movie-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NOISE = ["-vf", "noise=alls=60:allf=t", "-b:v", "2M", "-g", "25", "-c:a", "aac"];
const PLAIN = makeMedia(folder, "plain.mp4", NOISE, 4);

function lay(name: string, flags: string): Uint8Array {
  const path = join(folder, name);
  runFfmpeg("-i", PLAIN, "-c", "copy", "-movflags", flags, path);
  return new Uint8Array(readFileSync(path));
}

const FILES = {
  "moov first": lay("faststart.mp4", "+faststart"),
  "moov last": new Uint8Array(readFileSync(PLAIN)),
  fragments: lay("fragments.mp4", "frag_keyframe+empty_moov+default_base_moof"),
  "fragments with an index": lay("indexed.mp4", "frag_keyframe+empty_moov+dash+global_sidx"),
} as const;

const PICTURES = 100;

function read(file: FakeFile): ByteSource {
  const { url, fetchRange } = file;
  return createByteSource({
    url,
    fetchRange,
    first: { range: { start: 0, end: 4096 }, answer: fetchRange(url, { start: 0, end: 4096 }, AbortSignal.any([])) },
    maxBytes: 10_000_000,
    maxWholeBytes: 10_000_000,
    now: () => performance.now(),
    retryMs: 0,
  });
}

async function openFile(bytes: Uint8Array): Promise<{ readonly pictures: number; readonly asked: readonly string[] }> {
  const file = createFakeFile(bytes);
  const { video } = await openMovie(read(file));
  return { pictures: video?.samples.count ?? 0, asked: file.asked };
}

/** A box of any content. */
function box(type: string, content: Uint8Array | number, claimed?: number): Uint8Array {
  const body = typeof content === "number" ? new Uint8Array(content) : content;
  const header = Buffer.alloc(8);
  header.writeUInt32BE(claimed ?? body.length + 8);
  header.write(type, 4, "latin1");
  return Buffer.concat([header, body]);
}

/** Of a file that ffmpeg has made. */
function findBox(bytes: Uint8Array, type: string): { readonly start: number; readonly end: number } {
  const view = Buffer.from(bytes);
  for (let start = 0; start < bytes.length; start += view.readUInt32BE(start))
    if (view.toString("latin1", start + 4, start + 8) === type) return { start, end: start + view.readUInt32BE(start) };
  throw new Error(`expected ${type}, got none`);
}

describe("openMovie", () => {
  test.each(Object.entries(FILES))("%s: reads the pictures of all of it", async (_, bytes) => {
    expect((await openFile(bytes)).pictures).toBe(PICTURES);
  });

  test("asks for nothing but tables where they stand at the end", async () => {
    const bytes = FILES["moov last"];
    const { start, end } = findBox(bytes, "moov");
    expect((await openFile(bytes)).asked).toEqual(["0-4096", `${start}-${Math.min(start + 65_536, end)}`]);
  });

  test("asks for the rest of tables that are longer than what came first", async () => {
    const bytes = FILES["moov first"];
    const { end } = findBox(bytes, "moov");
    const { asked } = await openFile(bytes);
    expect(asked).toEqual(end > 4096 ? ["0-4096", `4096-${end}`] : ["0-4096"]);
  });

  test("goes from fragment to fragment, and leaves most of their media alone", async () => {
    const { asked } = await openFile(FILES.fragments);
    // the first of four comes with the tables; behind the last there is an index
    expect(asked).toHaveLength(5);
    expect(sum(asked)).toBeLessThan(FILES.fragments.length / 2);
  });

  test("asks for fragments at the same time where an index says where they are", async () => {
    const file = createFakeFile(FILES["fragments with an index"]);
    let most = 0;
    let open = 0;
    const fetchRange: FakeFile["fetchRange"] = async (...request) => {
      open += 1;
      most = Math.max(most, open);
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      return file.fetchRange(...request);
    };
    await openMovie(read({ ...file, fetchRange }));
    expect(most).toBe(3);
  });

  test("has some of the fragments that an index names asked for ahead, never all", async () => {
    const path = makeMedia(folder, "short-fragments.mp4", ["-g", "5", "-c:a", "aac"], 4);
    const cut = join(folder, "short-fragments-indexed.mp4");
    runFfmpeg("-i", path, "-c", "copy", "-movflags", "frag_keyframe+empty_moov+dash+global_sidx", cut);
    const source = read(createFakeFile(new Uint8Array(readFileSync(cut))));
    let open = 0;
    let most = 0;
    const peek: ByteSource["peek"] = (...wanted) => {
      most = Math.max(most, ++open);
      return source.peek(...wanted).finally(() => (open -= 1));
    };
    const { video } = await openMovie({ ...source, peek });
    expect(video?.samples.count).toBe(PICTURES);
    expect(most).toBeGreaterThan(3);
    expect(most).toBeLessThan(12);
  });

  test("reads tables behind media whose size has 64 bits, and boxes that it does not know", async () => {
    const bytes = FILES["moov last"];
    const moov = findBox(bytes, "moov");
    const large = Buffer.concat([box("mdat", 0, 1), Buffer.alloc(8), new Uint8Array(5000)]);
    large.writeBigUInt64BE(BigInt(large.length), 8);
    const file = Buffer.concat([box("wide", 0), large, box("uuid", 100), bytes.subarray(moov.start, moov.end)]);
    expect((await openFile(new Uint8Array(file))).pictures).toBe(PICTURES);
  });

  test("reads tables that go on to the end of the file", async () => {
    const bytes = FILES["moov last"];
    const { start, end } = findBox(bytes, "moov");
    const file = new Uint8Array(Buffer.concat([box("ftyp", 8), box("moov", bytes.subarray(start + 8, end), 0)]));
    expect((await openFile(file)).pictures).toBe(PICTURES);
  });
});

function sum(asked: readonly string[]): number {
  return asked.reduce((bytes, range) => {
    const [start = 0, end = 0] = range.split("-").map(Number);
    return bytes + end - start;
  }, 0);
}

describe("a file is refused that", () => {
  test.each<[string, Uint8Array, string]>([
    ["is empty", new Uint8Array(), "source-unreadable"],
    ["begins with something else", Buffer.from("\u001aEß£ webm and more of it"), "source-unreadable"],
    ["has no moov", Buffer.concat([box("ftyp", 8), box("mdat", 5000)]), "source-unreadable"],
    [
      "has media to its end before any moov",
      Buffer.concat([box("ftyp", 8), box("mdat", 5000, 0)]),
      "source-unreadable",
    ],
    ["has its tables cut off", Buffer.concat([box("ftyp", 8), box("moov", 5000, 90_000)]), "source-unreadable"],
    ["claims tables of 2 GB", Buffer.concat([box("ftyp", 8), box("moov", 5000, 2 ** 31)]), "unsupported-media-file"],
    [
      "has a box that is shorter than its header",
      Buffer.concat([box("ftyp", 8), box("mdat", 9, 7)]),
      "source-unreadable",
    ],
    [
      "has boxes without end",
      Buffer.concat([box("ftyp", 8), ...Array.from({ length: 7000 }, () => box("free", 0))]),
      "source-unreadable",
    ],
  ])("%s", async (_, bytes, reason) => {
    const file = createFakeFile(new Uint8Array(bytes));
    await expect(openMovie(read(file))).rejects.toMatchObject({ name: "MediaRefusal", reason });
    expect(file.asked.length).toBeLessThan(10);
  });

  test("has more fragments than anybody needs", async () => {
    const bytes = FILES.fragments;
    const moov = findBox(bytes, "moov");
    const moof = findBox(bytes, "moof");
    const one = bytes.subarray(moof.start, moof.end);
    const file = Buffer.concat([bytes.subarray(0, moov.end), ...Array.from({ length: 2001 }, () => one)]);
    await expect(openMovie(read(createFakeFile(new Uint8Array(file))))).rejects.toMatchObject({
      reason: "unsupported-media-file",
    });
  });

  test("was damaged: nothing but a refusal, after few requests", async () => {
    const names = fc.constantFrom("moov first", "moov last", "fragments", "fragments with an index");
    const damage = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(names, damage, async (name, spots) => {
        const bytes = FILES[name].slice();
        const boxes = [findBox(bytes, "moov"), ...(name.startsWith("fragments") ? [findBox(bytes, "moof")] : [])];
        for (const [index, [place, value]] of spots.entries()) {
          const { start = 0, end = 0 } = boxes[index % boxes.length] ?? {};
          bytes[start + Math.floor(place * (end - start))] = value;
        }
        const file = createFakeFile(bytes);
        const outcome = await openMovie(read(file)).then(
          () => "MediaRefusal",
          (cause: unknown) => (cause instanceof Error ? cause.name : typeof cause),
        );
        expect(outcome).toBe("MediaRefusal");
        expect(file.asked.length).toBeLessThan(40);
      }),
      { numRuns: 80 },
    );
  });
});

describe("readFragmentOffsets", () => {
  test("says nothing of an index that is cut off, or points to indexes", () => {
    expect(readFragmentOffsets(new Uint8Array(20))).toEqual([]);
    const nested = Buffer.alloc(44);
    nested.writeUInt16BE(1, 30);
    nested.writeUInt32BE(0x80000000, 32);
    expect(readFragmentOffsets(nested)).toEqual([]);
  });

  test("believes no count beyond its bytes", () => {
    const claimed = Buffer.alloc(44);
    claimed.writeUInt16BE(65_535, 30);
    expect(readFragmentOffsets(claimed)).toEqual([0]);
  });
});
