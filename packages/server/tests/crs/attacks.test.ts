/** The attacks of server-notes.md §5.1: none may make ffmpeg open anything but the downloaded file, or reach the network. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { probeArgs } from "../../src/crs/ffmpeg-args.ts";
import { createFfprobe } from "../../src/crs/ffprobe.ts";
import { sniffFormat } from "../../src/crs/source-format.ts";
import { findProgram, writeWrapper } from "../../src/crs/ffmpeg-wrapper.ts";
import { type MediaServer, startCrs, startServer, type TestCrs } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

/** What an attacker's server answers, by path; `{secret}` is a file of ours, `{victim}` a server that only we may reach. */
const BODIES: Readonly<Record<string, string>> = {
  "/master.mp4": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{secret}\n",
  "/media.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{victim}x.ts\n#EXT-X-ENDLIST\n",
  "/disguised.mp4":
    "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{victim}?x=.ts\n#EXTINF:6,\n{victim}#.ts\n#EXT-X-ENDLIST\n",
  "/loop.mp4": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nloop.mp4\n",
  "/concat.mp4": "ffconcat version 1.0\nfile {secret}\n",
  "/dash.mp4":
    '<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>{victim}</BaseURL></Representation></AdaptationSet></Period></MPD>',
  "/page.mp4": "<!doctype html><title>not found</title>",
  "/empty.mp4": "",
  "/sdp.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
};

let victim: MediaServer;
let attacker: MediaServer;
let crs: TestCrs;
let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "interlude-attacks-"));
  const secret = join(folder, "secret.ts");
  writeFileSync(secret, "not for you");
  victim = await startServer((_request, response) => response.end());
  attacker = await startServer((asked, response) => {
    if (asked.url === "/redirect.mp4") response.writeHead(302, { location: victim.base.href });
    response.end(
      (BODIES[asked.url ?? ""] ?? "").replaceAll("{secret}", secret).replaceAll("{victim}", victim.base.href),
    );
  });
  crs = await startCrs({ allow: [attacker] });
});
afterAll(async () => {
  await crs.close();
  await attacker.close();
  await victim.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("a creative that is no video but an attack", () => {
  test.each(Object.keys(BODIES))("%s is refused", async (path) => {
    const status = await crs.repackage(new URL(path, attacker.base));
    // Our own reader reads playlists, and is told no by the guarded client.
    const reason = ["/media.mp4", "/disguised.mp4"].includes(path) ? "address-refused" : "unsupported";
    expect(status).toMatchObject({ state: "failed", reason, renditions: [], packages: [] });
  });

  test("a redirect to an address of ours is refused", async () => {
    const status = await crs.repackage(new URL("redirect.mp4", attacker.base));
    expect(status).toMatchObject({ state: "failed", reason: "address-refused" });
  });

  test("none of them reached the server that only we may reach", () => {
    expect(victim.requests).toEqual([]);
  });
});

test("pictures that grow beyond the limit in the middle of the video are not decoded", async () => {
  const file = join(folder, "grows.mp4");
  const part = (size: string): Buffer => {
    const picture = `testsrc=s=${size}:r=25:d=2`;
    const encode = "-c:v libx264 -preset ultrafast -f h264 -".split(" ");
    return execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-f", "lavfi", "-i", picture, ...encode]);
  };
  const input = Buffer.concat([part("320x180"), part("640x640")]);
  execFileSync("ffmpeg", ["-v", "error", "-r", "25", "-f", "h264", "-i", "-", "-c", "copy", file], { input });
  const host = await startServer((_request, response) => response.end(readFileSync(file)));
  const limits = { ...crs.config.limits, maxPixels: 100_000 };
  const small = await startCrs({ allow: [host], config: { limits } });
  const status = await small.repackage(new URL("grows.mp4", host.base));
  expect(status).toMatchObject({ state: "failed", reason: "truncated" });
  await small.close();
  await host.close();
});

test("an answer that is not the file is let go at once, not read until its time is up", async () => {
  const closed = Promise.withResolvers<void>();
  const endless = await startServer((_request, response) => {
    response.writeHead(404).write("x".repeat(100_000));
    response.once("close", () => closed.resolve());
  });
  const one = await startCrs({ allow: [endless] });
  expect(await one.repackage(new URL("x.mp4", endless.base))).toMatchObject({ reason: "source-missing" });
  await closed.promise;
  await one.close();
  await endless.close();
});

describe("should the first bytes ever be fooled", () => {
  const probe = () => {
    const setpriv = findProgram("setpriv", process.env["PATH"] ?? "");
    return createFfprobe(writeWrapper({ directory: folder, program: "ffprobe", parent: process.pid, setpriv }));
  };
  const signal = new AbortController().signal;

  test.each(["/master.mp4", "/media.mp4", "/loop.mp4", "/concat.mp4"])("ffprobe refuses %s by itself", async (path) => {
    const file = join(folder, "body.mp4");
    const secret = join(folder, "secret.ts");
    writeFileSync(file, (BODIES[path] ?? "").replaceAll("{secret}", secret).replaceAll("{victim}", victim.base.href));
    await expect(
      probe()(probeArgs({ path: file, format: "mov" }, { maxStreams: 8, maxDuration: 300 }), signal),
    ).rejects.toMatchObject({
      reason: "unreadable",
    });
    expect(victim.requests).toEqual([]);
  });

  test("an MP4 that refers to another file for its media (dref) does not make ffprobe open it", async () => {
    const file = join(folder, "reference.mp4");
    const bytes = Buffer.from(readFileSync(testMedia("plain.mp4")));
    const at = bytes.indexOf("url ");
    // flags 1 = "in this file"; 0 with a location = elsewhere
    bytes.writeUInt32BE(0, at + 4);
    writeFileSync(file, bytes);
    const report = await probe()(probeArgs({ path: file, format: "mov" }, { maxStreams: 8, maxDuration: 300 }), signal);
    expect(JSON.parse(report).streams).toHaveLength(2);
  });

  test("more streams than are allowed are refused", async () => {
    const file = join(folder, "many.mp4");
    const maps = Array.from({ length: 9 }, () => ["-map", "0:a"]).flat();
    execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-i", testMedia("short.mp4"), ...maps, "-c", "copy", file]);
    await expect(
      probe()(probeArgs({ path: file, format: "mov" }, { maxStreams: 8, maxDuration: 300 }), signal),
    ).rejects.toMatchObject({
      reason: "unreadable",
    });
  });
});

test("only MP4, FLV and Matroska are recognised", () => {
  const format = (text: string) => sniffFormat(Buffer.from(text, "latin1"));
  expect(format("\0\0\0\u0018ftypmp42")).toBe("mov");
  expect(format("FLV\u0001\u0005\0\0\0")).toBe("flv");
  expect(format("\u001a\u0045\u00df\u00a3\u0001")).toBe("matroska");
  for (const other of ["RIFF\0\0\0\0AVI ", "\0\0\u0001\u00ba", "OggS\0", "G@\0\u0010", "ID3\u0003", ""]) {
    expect(format(other)).toBeUndefined();
  }
});
