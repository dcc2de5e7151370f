import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { creativeKey, masterPath } from "@interlude/core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createDisplay, formatTable } from "../../src/commands/preload-display.ts";
import { testMedia } from "../crs/test-media.ts";
import { loopback } from "../http/loopback.ts";
import { type AdWorld, inLine, startAdWorld, vast, wrapper } from "./ad-world.ts";
import { type Ended, runCli, startServe, TOKEN } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "interlude-preload-"));

/** What the ad server answers; each test has paths of its own. */
const answers = new Map<string, (origin: string) => string>();

let world: AdWorld;
let base: URL;
const ends: (() => void)[] = [];
beforeAll(async () => {
  world = await startAdWorld((path, origin) => answers.get(path)?.(origin));
  ({ base } = await serve({}, (end) => ends.push(end)));
});
afterAll(async () => {
  for (const end of ends) end();
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A server that may fetch from the world. */
function serve(
  env: Readonly<Record<string, string>>,
  whenOver: (end: () => void) => void = onTestFinished,
): ReturnType<typeof startServe> {
  const state = mkdtempSync(join(folder, "state-"));
  return startServe({ INTERLUDE_STATE: state, INTERLUDE_FETCH_ALLOW_PRIVATE: world.host, ...env }, whenOver);
}

function preload(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return runCli(["preload", ...args], { INTERLUDE_API_TOKEN: TOKEN, INTERLUDE_URL: base.href, ...env });
}

function writeVast(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** One media file; each test has its own, so that each is cold. */
const mp4 = (name: string) => [{ path: `/media/${name}/short.mp4` }];

function vmap(...sources: readonly string[]): string {
  const breaks = sources.map(
    (source, i) =>
      `<vmap:AdBreak timeOffset="00:00:0${i}" breakType="linear"><vmap:AdSource>${source}</vmap:AdSource></vmap:AdBreak>`,
  );
  return `<vmap:VMAP xmlns:vmap="http://www.iab.net/videosuite/vmap" version="1.0">${breaks.join("")}</vmap:VMAP>`;
}

describe("interlude preload", () => {
  test("a VMAP by its address: wrappers are followed, stand-ins found, each creative is made once and is where clients look", async () => {
    answers.set("/vmap", (origin) =>
      vmap(
        `<vmap:AdTagURI templateType="vast4"><![CDATA[${origin}/wrapped?cb=[CACHEBUSTING]]]></vmap:AdTagURI>`,
        `<vmap:VASTAdData>${vast(inLine(origin, "again", mp4("one")))}</vmap:VASTAdData>`,
      ),
    );
    answers.set("/wrapped", (origin) =>
      vast(wrapper(`${origin}/inner`).replace("<Wrapper>", '<Wrapper allowMultipleAds="true">')),
    );
    answers.set("/inner", (origin) => {
      const low = { path: "/media/low/short.mp4", bitrate: 100 };
      const files = [low, ...mp4("one"), { path: "/x.ogv", type: "video/ogg" }];
      return vast(inLine(origin, "first", files), inLine(origin, "stand-in", mp4("two")));
    });
    const { code, stdout, stderr } = await preload([`${world.origin}/vmap`, "--target-duration=4"]);
    expect([code, stderr]).toEqual([0, ""]);
    const paths = ["/media/one/short.mp4", "/media/two/short.mp4"];
    expect([...paths, "/media/low/short.mp4", "/impression"].map(world.count)).toEqual([1, 1, 0, 0]);
    expect(stdout).toMatch(/^queued +127\.0\.0\.1:\d+\/…\/short\.mp4$/m);
    expect(stdout).toMatch(/^127\.0\.0\.1:\d+\/…\/short\.mp4 \([0-9a-f]{8}\) +ready +\d+\.\d s +hls 4 s$/m);
    expect(stdout.trimEnd().split("\n").at(-1)).toBe("2 creatives: 2 ready, 0 failed");
    for (const path of paths) {
      const key = creativeKey("1", `${world.origin}${path}`);
      const master = masterPath("1", key, { packaging: "hls", targetDuration: 4 });
      expect((await fetch(new URL(`/cdn/a/${master}`, base))).status).toBe(200);
    }

    expect((await preload([`${world.origin}/vmap`, "--target-duration=4"])).code).toBe(0);
    expect(paths.map(world.count)).toEqual([1, 1]);
  });

  test("one broken creative: the others are made, its reason is told, and the exit code is 1", async () => {
    const bad = inLine(world.origin, "bad", [{ path: "/broken.mp4" }], 2);
    const file = writeVast("broken.xml", vast(inLine(world.origin, "good", mp4("three"), 1), bad));
    const { code, stdout } = await preload([file, "--target-duration=6"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/short\.mp4 +ready /);
    expect(stdout).toMatch(/broken\.mp4 +failed +\d+\.\d s +un\w+: .+ \(again from .+\)$/m);
    expect(stdout).toContain("2 creatives: 1 ready, 1 failed");
  });

  test("a wrapper that leads nowhere is told, and the exit code is 1 although all that was found is accepted", async () => {
    const ads = [inLine(world.origin, "a", mp4("four")), wrapper(`${world.origin}/gone`)];
    const { code, stdout, stderr } = await preload([writeVast("wrapper.xml", vast(...ads)), "--no-wait"]);
    expect([code, stdout.includes("1 creative: 0 ready, 0 failed, 1 under way")]).toEqual([1, true]);
    expect(stderr).toMatch(/^ad w: VAST at .*\/gone: expected status 200, got 404$/m);
  });

  test("what is HLS, interactive or empty is left alone, and said", async () => {
    const hls = inLine(world.origin, "hls", [{ path: "/a.m3u8", type: "application/x-mpegURL" }, ...mp4("never")]);
    const vpaid = inLine(world.origin, "vpaid", mp4("never")).replace(
      "<MediaFile ",
      '<MediaFile apiFramework="VPAID" ',
    );
    const { code, stdout, stderr } = await preload([writeVast("hls.xml", vast(hls, vpaid))]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^note: ad hls: is HLS already and played as it is/m);
    expect(stdout).toMatch(/^note: ad vpaid: is interactive/m);
    const anew = await preload([join(folder, "hls.xml"), "--hls", "--no-wait"]);
    expect([anew.code, anew.stdout]).toEqual([0, expect.stringMatching(/\/a\.m3u8 +queued$/m)]);
    answers.set("/empty", () => vast());
    const nothing = await preload([`${world.origin}/empty`]);
    expect([nothing.code, nothing.stdout]).toEqual([1, "note: VAST: expected an ad, got none\n"]);
    expect(nothing.stderr).toContain("/empty: expected a creative to repackage, got none");
    expect(world.count("/media/never/short.mp4")).toBe(0);
  });

  test("--no-wait asks and leaves; --token-file holds the token, --base is where relative addresses begin", async () => {
    const file = writeVast("relative.xml", vast(inLine("", "a", mp4("five"))));
    const tokenFile = writeVast("token", `${TOKEN}\n`);
    const args = [file, "--no-wait", `--token-file=${tokenFile}`];
    const { code, stdout } = await preload([...args, `--base=${world.origin}/ads/`], { INTERLUDE_API_TOKEN: "" });
    expect([code, stdout.trimEnd().split("\n").at(-1)]).toEqual([0, "1 creative: 0 ready, 0 failed, 1 under way"]);
    const creatives = await fetch(new URL("/v1/creatives", base), { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(await creatives.text()).toContain(`${world.origin}/media/five/short.mp4`);
    const without = await preload(args);
    expect([without.code, without.stderr]).toEqual([1, expect.stringContaining("expected an absolute http(s) URL")]);
  });

  test("more creatives than the queue has room for are asked for again until all are ready", async () => {
    const small = await serve({ INTERLUDE_CRS_QUEUE: "1" });
    const ads = [1, 2, 3].map((i) => inLine(world.origin, `a${i}`, mp4(`many${i}`), i));
    const file = writeVast("many.xml", vast(...ads));
    const { code, stdout } = await preload([file, "--target-duration=6", `--server=${small.base.href}`]);
    expect(stdout).toMatch(/^queue full /m);
    expect([code, stdout.includes("3 creatives: 3 ready, 0 failed")]).toEqual([0, true]);
  });
});

test("a server that is started anew meanwhile is waited for", async () => {
  const asked = Promise.withResolvers<void>();
  let requests = 0;
  // The first to fetch the creative waits for its first byte, for as long as it wants.
  const media = await loopback((_request, response) => {
    requests++;
    if (requests === 1) asked.resolve();
    else response.end(readFileSync(testMedia("short.mp4")));
  });
  const file = writeVast("anew.xml", vast(inLine(media.origin, "a", mp4("x"))));
  const env = {
    INTERLUDE_STATE: mkdtempSync(join(folder, "state-")),
    INTERLUDE_FETCH_ALLOW_PRIVATE: `127.0.0.1:${media.port}`,
  };
  const first = await startServe(env);
  const args = ["preload", file, "--target-duration=6", `--server=${first.base.href}`];
  const ended = runCli(args, { INTERLUDE_API_TOKEN: TOKEN });
  await asked.promise;
  first.child.kill("SIGTERM");
  await once(first.child, "exit");
  await startServe({ ...env, PORT: first.base.port });
  const { code, stdout, stderr } = await ended;
  expect([code, stderr, stdout.includes("1 creative: 1 ready, 0 failed")]).toEqual([0, "", true]);
});

describe("what cannot be done is a sentence and 1", () => {
  /** Its file is read only after the server was asked. */
  const fail = async (source: string, ...more: readonly string[]): Promise<string> => {
    const { code, stderr } = await preload([source, ...more]);
    expect([code, stderr.split("\n").length]).toEqual([1, 2]);
    return stderr;
  };

  test("no server, or somebody else's", async () => {
    const closed = await loopback(() => undefined);
    await new Promise((resolve) => closed.server.close(resolve));
    expect(await fail("x", `--server=${closed.origin}`)).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+: expected a running server \(interlude serve, --server\), got connect ECONNREFUSED/,
    );
    const other = await loopback((_request, response) => response.end("<html>"));
    expect(await fail("x", `--server=${other.origin}`)).toContain(`${other.origin}/v1/zones/1.json`);
  });

  test("a wrong token", async () => {
    const file = writeVast("token.xml", vast(inLine(world.origin, "a", mp4("never"))));
    const { code, stderr } = await preload([file], { INTERLUDE_API_TOKEN: "another-token-than-the-right-one" });
    const sentence = "expected the server's API token in INTERLUDE_API_TOKEN or --token-file, got another";
    expect([code, stderr]).toEqual([1, `${base.href}: ${sentence}\n`]);
  });

  test("an unknown zone, and ad responses that are none", async () => {
    answers.set("/html", () => "<html></html>");
    expect(await fail("x", "--zone=7")).toMatch(
      /\/v1\/zones\/7\.json: zone: expected one .*, got "7" \(status 404\)$/m,
    );
    expect(await fail(join(folder, "nowhere.xml"))).toMatch(
      /nowhere\.xml: expected a file that can be read, got ENOENT/,
    );
    expect(await fail("ftp://127.0.0.1/vast.xml")).toMatch(/^ftp:.*: expected a file that can be read/);
    expect(await fail(`${world.origin}/gone`)).toMatch(/\/gone: expected an ad response, got status 404/);
    expect(await fail(`${world.origin}/html`)).toMatch(/\/html: expected VAST or VMAP, got <html>/);
    expect(await fail(writeVast("bad.xml", "<VAST"))).toMatch(/bad\.xml: XML: /);
  });
});

describe("createDisplay", () => {
  /** What a terminal shows after all that was written: cursor up, and clearing to the end, are all that it must know. */
  function terminal(rows: number, columns: number) {
    const screen: string[] = [];
    const write = (text: string): void => {
      const [up = "", rest = up] = text.split("\u001B[0J");
      if (rest !== up) screen.splice(screen.length - Number(/(\d+)A$/.exec(up)?.[1]));
      screen.push(...rest.split("\n").slice(0, -1));
    };
    return { isTTY: true, rows, columns, write, screen };
  }
  const line = (name: string, progress: number) => ({
    name,
    progress,
    state: progress === 1 ? "ready" : "transcoding",
    isEnded: progress === 1,
  });

  test("a terminal has one line for each creative, drawn over; what is printed stays above", () => {
    const stream = terminal(24, 80);
    const display = createDisplay(stream);
    display.print("note: x");
    display.show([line("a.example/1.mp4", 0), line("a.example/2.mp4", 0.5)]);
    display.show([line("a.example/1.mp4", 1), line("a.example/2.mp4", 0.256)]);
    display.print("note: y");
    display.end("2 creatives");
    expect(stream.screen).toEqual([
      "note: x",
      "note: y",
      "████████████████████ 100 %  ready        a.example/1.mp4",
      "█████░░░░░░░░░░░░░░░  25 %  transcoding  a.example/2.mp4",
      "",
      "2 creatives",
    ]);
  });

  test("more creatives than a terminal has lines: those that move, and how many do not; no line is longer than it is wide", () => {
    const stream = terminal(6, 40);
    createDisplay(stream).show(Array.from({ length: 20 }, (_, i) => line(`host.example/${i}.mp4`, i < 5 ? 1 : i / 20)));
    expect(stream.screen).toHaveLength(4);
    expect(stream.screen[0]).toBe("███████████████████░  95 %  transcoding");
    expect(stream.screen.at(-1)).toBe("… 5 done, 12 more wait");
  });

  test("elsewhere a line for each change of state, and nothing for progress", () => {
    const written: string[] = [];
    const display = createDisplay({ write: (text) => written.push(text) });
    for (const progress of [0, 0.5, 0.6, 1, 1]) display.show([line("a", progress)]);
    expect(written).toEqual(["transcoding  a\n", "ready        a\n"]);
    expect(
      formatTable([
        ["a", "b"],
        ["long", "x"],
      ]),
    ).toBe("a     b\nlong  x");
  });
});
