/** Hosts of which nothing comes back, as behind a firewall that drops what it does not like: they were never asked. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { expect, test, type TestContext } from "vitest";
import { createGuardedFetch, type GuardedFetchRules } from "../../src/guarded-fetch.ts";
import { createManifestFetch } from "../../src/manifest/own-fetch.ts";
import { BEACON_CONNECT_MS, createBeaconSend, type SendResult } from "../../src/manifest/tracking/outbox-send.ts";

const LISTEN = `
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(server.address().port));`;

/** A port whose queue of connections is full and whose owner sleeps: the system drops what comes. */
async function blackHole({ onTestFinished }: TestContext): Promise<number> {
  const child = spawn(process.execPath, ["-e", LISTEN], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  const port = Number(String(line));
  child.kill("SIGSTOP");
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (;;) {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    sockets.push(socket);
    const isThere = await Promise.race([once(socket, "connect").then(() => true), wait(300, false)]);
    if (!isThere) return port;
  }
}

function send(rules: GuardedFetchRules, url: string, { onTestFinished }: TestContext): Promise<SendResult> {
  const fetch = createGuardedFetch({ ...rules, connectTimeoutMs: BEACON_CONNECT_MS });
  onTestFinished(() => fetch.close());
  const own = (): Promise<never> => Promise.reject(new Error("expected no address of this server"));
  const client = createManifestFetch({ fetch, own, isOwn: () => false });
  return createBeaconSend({ fetch: client, now: Date.now })(new URL(url), {});
}

test.concurrent("a host that drops what comes was not asked: its beacon is sent again", async (context) => {
  const port = await blackHole(context);
  expect(await send({ allowPrivate: [`127.0.0.1:${port}`] }, `http://127.0.0.1:${port}/a`, context)).toEqual({
    kind: "unsent",
  });
});

test.concurrent("a host whose name servers say nothing was not asked", async (context) => {
  const resolve = (): Promise<never> => new Promise(() => undefined);
  expect(await send({ allowPrivate: [], resolve }, "http://beacons.example/a", context)).toEqual({ kind: "unsent" });
});

test.concurrent("a host that was slow to be found, and then drops what comes, was not asked", async (context) => {
  const port = await blackHole(context);
  const resolve = async (): Promise<readonly string[]> => wait(1500, ["127.0.0.1"]);
  const rules = { allowPrivate: [`beacons.example:${port}`], resolve };
  expect(await send(rules, `http://beacons.example:${port}/a`, context)).toEqual({ kind: "unsent" });
});
