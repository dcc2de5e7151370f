/**
 * Playlists that want something else than to be played. Each names, in one way or another, a server that only we may reach: not one
 * request may come to it.
 */
import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { FailureReason } from "../../src/crs/creative-state.ts";
import { RepackageFailure } from "../../src/crs/repackage-failure.ts";
import { loopback } from "../http/loopback.ts";
import { fetchFrom, type FetchOptions } from "./fetch-hls.ts";
import { type MediaServer, startServer } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

const media = (...lines: readonly string[]): string =>
  ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:6", ...lines, "#EXT-X-ENDLIST", ""].join("\n");
const segment = (uri: string, ...tags: readonly string[]): string => media(...tags, "#EXTINF:6,", uri);
const master = (uri: string): string => `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${uri}\n`;
const key = (uri: string): string => `#EXT-X-KEY:METHOD=AES-128,URI="${uri}"`;

/** What an attacker's server answers, by path; `{victim}` is the address of a server that only we may reach. */
const BODIES: Readonly<Record<string, string>> = {
  "/segment": segment("{victim}secret.ts"),
  "/key": segment("own.ts", key("{victim}key")),
  "/map": segment("own.ts", '#EXT-X-MAP:URI="{victim}init.mp4"'),
  "/variant": master("{victim}index.m3u8"),
  "/sound":
    '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="{victim}a.m3u8"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nsegment\n',
  "/segment-redirect": segment("redirect"),
  "/key-redirect": segment("own.ts", key("redirect")),
  "/map-redirect": segment("own.ts", '#EXT-X-MAP:URI="redirect"'),
  "/variant-redirect": master("redirect"),
  "/file": segment("file:///etc/passwd"),
  "/file-key": segment("own.ts", key("file:///etc/passwd")),
  "/file-variant": master("file:///etc/passwd"),
  "/data": segment("data:video/mp2t;base64,R0dH"),
  "/data-key": segment("own.ts", key("data:;base64,AAAAAAAAAAAAAAAAAAAAAA==")),
  "/concat": segment("concat:{victim}a.ts|{victim}b.ts"),
  "/crypto": segment("crypto+{victim}a.ts"),
  "/subfile": segment("subfile,,start,0,end,100,,:/etc/passwd"),
  "/user": segment("{user}secret.ts"),
  "/loop": master("loop"),
  "/nested": master("inner"),
  "/inner": master("segment"),
  "/both-in-one": master("both"),
  "/both": segment("own.ts", '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="both"'),
  "/itself": segment("itself"),
  "/list": segment("concat.txt"),
  "/concat.txt": "ffconcat version 1.0\nfile {victim}a.ts\n",
  "/page": segment("page.html"),
  "/page.html": "<!doctype html><title>not found</title>",
  "/no-uri": segment("http://[", ""),
  "/drm": segment("own.ts", '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x",KEYFORMAT="com.apple.streamingkeydelivery"'),
  "/sample-aes": segment("own.ts", '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{victim}key"'),
  "/short-key": segment("own.ts", key("concat.txt")),
  "/variables": segment("{$host}/a.ts", '#EXT-X-DEFINE:NAME="host",VALUE="{victim}"'),
  "/live": "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nown.ts\n",
  "/i-frames": segment("own.ts", "#EXT-X-I-FRAMES-ONLY"),
  "/gap": segment("own.ts", "#EXT-X-GAP"),
  "/missing": segment("404.ts"),
  "/broken": segment("503.ts"),
  "/no-target-duration": "#EXTM3U\n#EXTINF:6,\nown.ts\n#EXT-X-ENDLIST\n",
  "/no-segments": media(),
  "/many": media("#EXTINF:0.001,\na.ts\n".repeat(2001)),
  "/million": media("#EXTINF:0.001,\na.ts\n".repeat(1_000_000)),
  "/days": media("#EXTINF:86400,", "a.ts", "#EXTINF:86400,", "a.ts"),
  "/parts": media("#EXT-X-DISCONTINUITY\n#EXTINF:1,\na.ts\n".repeat(33)),
  "/key-formats": media(
    Array.from({ length: 5000 }, (_, index) => `#EXT-X-KEY:METHOD=AES-128,URI="k",KEYFORMAT="${index}"`).join("\n"),
  ),
  "/endless-segment": segment("endless"),
  "/promised-segment": segment("promised"),
  "/endless-key": segment("own.ts", key("endless")),
  "/endless-variant": master("endless-playlist"),
  "/bomb-segment": segment("bomb-segment.ts"),
  "/range-far-away": segment("own.ts", "#EXT-X-BYTERANGE:1000@1000000000000"),
  "/range-of-all": segment("own.ts", "#EXT-X-BYTERANGE:9007199254740991@9007199254740991"),
  "/range-ignored": segment("endless", "#EXT-X-BYTERANGE:1000@1000000000"),
  "/range-elsewhere": segment("other-range", "#EXT-X-BYTERANGE:1000@0"),
};

const MANNERS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  "/redirect": (response) => response.writeHead(302, { location: victim.base.href }).end(),
  "/own.ts": (response) => response.end(Buffer.alloc(1880, Buffer.from([0x47, ...Buffer.alloc(187)]))),
  "/404.ts": (response) => response.writeHead(404).end(),
  "/503.ts": (response) => response.writeHead(503).end(),
  "/endless": (response) => pour(response, Buffer.alloc(100_000, 0x47)),
  "/endless-playlist": (response) => pour(response, Buffer.from("#EXTM3U\n".repeat(10_000))),
  "/promised": (response) => response.writeHead(200, { "content-length": 10e9 }).write("G"),
  "/dripping": (response) => response.writeHead(200).write("#EXTM3U\n".repeat(20)),
  "/bomb-segment.ts": (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(BOMB),
  "/bomb": (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(BOMB),
  "/other-range": (response) =>
    response.writeHead(206, { "content-range": "bytes 5000-5999/9999" }).end(Buffer.alloc(1000)),
};
const BOMB = gzipSync(Buffer.from(`#EXTM3U\n${"\n".repeat(300_000_000)}`));

/** Writes until nobody reads any more. */
function pour(response: ServerResponse, chunk: Buffer): void {
  const more = (): void => {
    while (!response.destroyed && response.write(chunk)) continue;
  };
  response.on("drain", more);
  more();
}

let victim: MediaServer;
let attacker: MediaServer;
beforeAll(async () => {
  victim = await startServer((_request, response) => response.end(readFileSync(testMedia("short.mp4"))));
  attacker = await startServer((request, response) => {
    const path = request.url ?? "";
    const user = victim.base.href.replace("http://", "http://user:password@");
    const body = BODIES[path]?.replaceAll("{victim}", victim.base.href).replaceAll("{user}", user);
    const answer = MANNERS[path];
    if (answer) answer(response);
    else response.writeHead(body === undefined ? 404 : 200).end(body);
  });
});
afterAll(async () => {
  await attacker.close();
  await victim.close();
});

/** Why a creative was not taken. */
async function reasonOf(path: string, options?: FetchOptions, server = attacker): Promise<FailureReason | string> {
  const caught = await fetchFrom(server, path, options).then(
    () => "it was taken",
    (error: unknown) => error,
  );
  return caught instanceof RepackageFailure ? caught.reason : String(caught);
}

/** By reason, the playlists above. */
const REFUSED: Readonly<Record<string, string>> = {
  "address-refused":
    "segment key map variant sound segment-redirect key-redirect map-redirect variant-redirect " +
    "file file-key file-variant data data-key concat crypto user",
  unsupported:
    "loop nested both-in-one itself list page no-uri drm sample-aes short-key variables live i-frames no-target-duration " +
    "no-segments many parts key-formats endless-key range-of-all",
  "too-large": "million endless-segment promised-segment endless-variant range-ignored bomb bomb-segment",
  "too-long": "days",
  "source-missing": "gap missing subfile",
  "source-unavailable": "broken range-elsewhere",
  truncated: "range-far-away",
};

describe.each(Object.entries(REFUSED))("a playlist is refused as %s", (reason, paths) => {
  test.each(paths.split(" "))("%s", async (path) => {
    // The victim's port is open, so that it is its address that is judged.
    const rules = { ports: [80, 443, Number(victim.base.port)] };
    expect(await reasonOf(path, { limits: { maxBytes: 5_000_000 }, rules })).toBe(reason);
  });
});

test("a playlist that never ends is left when the time of the whole creative is up", async () => {
  expect(await reasonOf("dripping", { limits: { fetchTimeoutMs: 300 } })).toBe("source-unavailable");
});

describe("a segment on a private address, however it is written", () => {
  test.each([
    "127.0.0.1",
    "127.1",
    "0177.0.0.1",
    "017700000001",
    "0x7f.0.0.1",
    "0x7f000001",
    "2130706433",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "0.0.0.0",
    "localhost",
    "127.0.0.1.",
  ])("%s is refused", async (host) => {
    const { port } = victim.base;
    const server = await startServer((_request, response) => response.end(segment(`http://${host}:${port}/a.ts`)));
    onTestFinished(() => server.close());
    expect(await reasonOf("index.m3u8", { rules: { ports: [Number(port)] } }, server)).toBe("address-refused");
  });
});

test("a name that means another server once its playlist was read is asked for nothing there", async () => {
  const server = await startServer((_request, response) =>
    response.writeHead(200, { connection: "close" }).end(segment("a.ts")),
  );
  onTestFinished(() => server.close());
  const port = Number(server.base.port);
  const inside = await loopback((_request, response) => response.end("secret"), "127.0.0.2", port);
  const answers = [["127.0.0.1"], ["127.0.0.2"]];
  const resolve = async (): Promise<readonly string[]> => answers.shift() ?? [];
  const rules = { ports: [port], resolve };
  expect(await reasonOf(`http://rebind.example:${port}/index.m3u8`, { rules }, server)).toBe("address-refused");
  expect(answers).toEqual([]);
  expect(inside.connections()).toBe(0);
});

test("none of them reached the server that only we may reach", () => {
  expect(victim.requests).toEqual([]);
});
