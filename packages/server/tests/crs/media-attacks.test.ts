/** Media that is made to cost: each is refused by what it says of itself, before anything of it is decoded. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MediaServer, startCrs, startServer, type TestCrs } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

let folder = "";
let host: MediaServer;
let crs: TestCrs;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "interlude-media-attacks-"));
  host = await startServer((asked, response) => {
    const name = asked.url?.slice(1) ?? "";
    if (name.endsWith(".gz.mp4")) response.writeHead(200, { "content-encoding": "gzip" });
    response.end(readFileSync(join(folder, name)));
  });
  crs = await startCrs({ allow: [host] });
});
afterAll(async () => {
  await crs.close();
  await host.close();
  rmSync(folder, { recursive: true, force: true });
});

function ffmpeg(args: readonly string[], name: string): void {
  execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args, join(folder, name)]);
}

/** A film of JPEGs, whose frame headers (ITU-T T.81 §B.2.2) and sample entry (ISO/IEC 14496-12 §12.1.3) say another size than they have. */
function makePicture(width: number, height: number, name: string): void {
  ffmpeg(["-f", "lavfi", "-i", "color=gray:s=64x64:r=25:d=1", "-c:v", "mjpeg"], name);
  const bytes = readFileSync(join(folder, name));
  for (let at = bytes.indexOf("ffc0", 0, "hex"); at >= 0; at = bytes.indexOf("ffc0", at + 2, "hex")) {
    bytes.writeUInt16BE(height, at + 5);
    bytes.writeUInt16BE(width, at + 7);
  }
  const entry = bytes.indexOf("jpeg", bytes.indexOf("stsd"));
  bytes.writeUInt16BE(width, entry + 28);
  bytes.writeUInt16BE(height, entry + 30);
  writeFileSync(join(folder, name), bytes);
}

const MAKE: Readonly<Record<string, (name: string) => void>> = {
  "200-streams.mp4": (name) => {
    const maps = Array.from({ length: 199 }, () => ["-map", "0:a"]).flat();
    ffmpeg(["-i", testMedia("short.mp4"), "-map", "0:v", ...maps, "-c", "copy"], name);
  },
  "8000x8000.mov": (name) => makePicture(8000, 8000, name),
  "20000x20000.mov": (name) => makePicture(20_000, 20_000, name),
  "1x1.webm": (name) => {
    const vp8 = "-c:v libvpx -b:v 10k -deadline realtime -pix_fmt yuv420p".split(" ");
    ffmpeg(["-f", "lavfi", "-i", "color=gray:s=2x2:r=25:d=1", "-vf", "crop=1:1:0:0:exact=1", ...vp8], name);
  },
  "bomb.gz.mp4": (name) => writeFileSync(join(folder, name), gzipSync(Buffer.alloc(300_000_000))),
};

const REASONS: Readonly<Record<string, string>> = {
  "200-streams.mp4": "unreadable",
  "8000x8000.mov": "too-large",
  // Beyond what ffprobe takes for a size at all.
  "20000x20000.mov": "unsupported",
  "1x1.webm": "unsupported",
};

describe("media that is made to cost", () => {
  test.each(Object.entries(REASONS))("%s is refused as %s", async (name, reason) => {
    MAKE[name]?.(name);
    const status = await crs.repackage(new URL(name, host.base));
    expect(status).toMatchObject({ state: "failed", reason, packages: [], renditions: [] });
  });

  test("a file that grows without end when it is decompressed is left at the bound on bytes", async () => {
    MAKE["bomb.gz.mp4"]?.("bomb.gz.mp4");
    const limits = { ...crs.config.limits, maxBytes: 1_000_000 };
    const bounded = await startCrs({ allow: [host], config: { limits } });
    const status = await bounded.repackage(new URL("bomb.gz.mp4", host.base));
    expect(status).toMatchObject({ state: "failed", reason: "too-large" });
    await bounded.close();
  });
});
