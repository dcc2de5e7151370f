import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { buildServer } from "../../src/server.ts";
import { readConfig } from "../../src/config.ts";
import { NODE_COMPILE_CACHE } from "../cli/run-cli.ts";
import { placeDatabase } from "../database/new-database.ts";
import { TOKEN } from "./test-app.ts";

const folder = mkdtempSync(join(tmpdir(), "interlude-server-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MAIN = join(import.meta.dirname, "../../src/main.ts");

const VIEWER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/** The state folder of a server that has been started before. */
async function makeState(name: string): Promise<string> {
  const state = join(folder, name);
  await placeDatabase(join(state, "database"));
  return state;
}

interface Running {
  readonly child: ChildProcess;
  readonly address: URL;
  readonly lines: readonly string[];
}

/** The server as an operator runs it. */
function launch(env: Readonly<Record<string, string>>, ...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, ["-C", "interlude-source", MAIN, ...args], {
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function waitUntilReady(child: ChildProcess): Promise<Running> {
  const lines: string[] = [];
  if (!child.stdout) throw new Error("expected a pipe");
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    const address = /^Interlude is ready: (\S+)$/.exec(line)?.[1];
    if (address !== undefined) return { child, address: new URL(address), lines };
  }
  throw new Error(`expected the server to be ready, got ${lines.join("\n")}`);
}

async function readAll(stream: ChildProcess["stdout"]): Promise<string> {
  const chunks: string[] = [];
  for await (const chunk of stream ?? []) chunks.push(String(chunk));
  return chunks.join("");
}

describe("the server as a process", () => {
  test("starts on an empty folder, answers, and ends by itself at SIGTERM: nothing is left open", async () => {
    const state = join(folder, "fresh");
    const { child, address } = await waitUntilReady(launch({ INTERLUDE_STATE: state }));
    for (const path of ["/healthz", "/readyz", "/metrics", "/docs/", "/v1/zones/1.json"]) {
      expect([path, (await fetch(new URL(path, address))).status]).toEqual([path, 200]);
    }
    const missing = await fetch(new URL("/cdn/a/1/000/000/x.m3u8", address), {
      headers: { origin: "https://x.example" },
    });
    expect([missing.status, missing.headers.get("cache-control")]).toEqual([404, "no-store"]);
    expect(missing.headers.get("access-control-allow-origin")).toBe("*");
    expect((await fetch(new URL("/v1/creatives", address))).status).toBe(401);
    expect(readdirSync(state)).toEqual(expect.arrayContaining(["cdn", "database"]));
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  test("impressions that were acknowledged before it was killed count for their goal", async () => {
    const campaigns = join(folder, "goal.json");
    const mediaFiles = [{ url: "/a.mp4", type: "video/mp4", width: 640, height: 360 }];
    const goal = { impressions: 3, pacing: "asap" };
    const lineItems = [{ id: "three", priority: 1, goal, ads: [{ id: "a", duration: 10, mediaFiles }] }];
    writeFileSync(campaigns, JSON.stringify({ version: 1, lineItems }));
    const env = {
      INTERLUDE_STATE: await makeState("killed"),
      INTERLUDE_CAMPAIGNS: campaigns,
      INTERLUDE_CRS: "off",
      INTERLUDE_API_TOKEN: TOKEN,
    };
    const ask = async ({ address }: Running, session: string): Promise<string> => {
      const tag = new URL(`/ads/vast?zone=1&session=${session}`, address);
      return (await fetch(tag, { headers: { "user-agent": VIEWER } })).text();
    };
    const killed = await waitUntilReady(launch(env));
    const answers = await Promise.all(["1", "2", "3"].map((session) => ask(killed, session)));
    const urls = answers.map((answer) => /http:[^\]]*track\/impression[^\]]*/.exec(answer)?.[0] ?? "");
    const told = await Promise.all(urls.map((url) => fetch(url, { headers: { "user-agent": VIEWER } })));
    killed.child.kill("SIGKILL");
    expect(told.map(({ status }) => status)).toEqual([204, 204, 204]);
    await once(killed.child, "exit");
    const next = await waitUntilReady(launch(env));
    const headers = { authorization: `Bearer ${TOKEN}` };
    const list = async (): Promise<string> =>
      (await fetch(new URL("/report/beacons?session=3", next.address), { headers })).text();
    await vi.waitFor(async () => expect(await list()).toContain('"impression"'), 15_000);
    expect(await ask(next, "4")).not.toContain("<Ad ");
  }, 40_000);

  test("--help lists the variables and starts nothing", async () => {
    const child = launch({ INTERLUDE_STATE: join(folder, "never") }, "--help");
    const [text] = await Promise.all([readAll(child.stdout), once(child, "exit")]);
    expect(text).toContain("INTERLUDE_TRUST_PROXY");
    expect(readdirSync(folder)).not.toContain("never");
  });

  test("a wrong setting ends it with one sentence", async () => {
    const child = launch({ PORT: "eighty" });
    const [text, [code]] = await Promise.all([readAll(child.stderr), once(child, "exit")]);
    expect([text, code]).toEqual(['PORT: expected a whole number from 0 to 65535, got "eighty"\n', 1]);
  });

  test("a port that is taken ends it with a sentence, and the state folder is free again", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const state = await makeState("taken");
    const child = launch({ INTERLUDE_STATE: state, PORT: String(port) });
    const [text, [code]] = await Promise.all([readAll(child.stderr), once(child, "exit")]);
    expect([text.includes("EADDRINUSE"), code]).toEqual([true, 1]);
    const again = await buildServer(readConfig({ INTERLUDE_STATE: state, PORT: "0" }));
    await again.stop();
  });
});

describe("buildServer", () => {
  const headers = { authorization: `Bearer ${TOKEN}` };

  test("with CRS off the content plays on: tags are served, repackaging says 503, the API says 503", async () => {
    const env = {
      INTERLUDE_STATE: await makeState("off"),
      INTERLUDE_CRS: "off",
      INTERLUDE_API_TOKEN: TOKEN,
      PORT: "0",
    };
    const server = await buildServer(readConfig(env));
    onTestFinished(() => server.stop());
    const payload = { zone: "1", creativeUrl: "https://x.example/a.mp4", packaging: "hls", targetDuration: 6 };
    const answer = await server.app.inject({ method: "POST", url: "/ads/repackage", payload });
    expect([answer.statusCode, answer.json().error.code]).toEqual([503, "crs-unavailable"]);
    for (const url of ["/repackage", "/v1/creatives", "/v1/creatives/1/00", "/v1/blocklist/7", "/v1/events"]) {
      expect((await server.app.inject({ url, headers })).json().error.code).toBe("crs-unavailable");
    }
    expect((await server.app.inject({ url: "/readyz" })).json()).toEqual({ status: "ok" });
  });

  test("beacons outlive the process", async () => {
    const env = {
      INTERLUDE_STATE: await makeState("again"),
      INTERLUDE_CRS: "off",
      INTERLUDE_API_TOKEN: TOKEN,
      PORT: "0",
    };
    const first = await buildServer(readConfig(env));
    await first.app.inject({ url: "/track/start?session=kept" });
    await first.stop();
    const second = await buildServer(readConfig(env));
    onTestFinished(() => second.stop());
    const report = await second.app.inject({ url: "/report/beacons?session=kept", headers });
    expect(report.json().beacons).toHaveLength(1);
  });

  test("a client that keeps its connection open does not hold up the stop, nor does one that never finishes its request", async () => {
    const env = { INTERLUDE_STATE: await makeState("drain"), INTERLUDE_CRS: "off", PORT: "0" };
    const server = await buildServer(readConfig(env));
    const address = await server.start();
    await fetch(new URL("/healthz", address));
    const socket = connect(Number(address.port), address.hostname, () =>
      socket.write("POST /track/x HTTP/1.1\r\nHost: a\r\n"),
    );
    socket.on("error", () => undefined).resume();
    await once(socket, "connect");
    const start = performance.now();
    await Promise.all([server.stop(), server.stop()]);
    expect(performance.now() - start).toBeLessThan(9_000);
  });
});
