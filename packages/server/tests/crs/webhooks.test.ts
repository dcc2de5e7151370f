/** The webhook, against a receiver of the test's own. */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { startServe, TOKEN } from "../cli/run-cli.ts";
import { type MediaServer, startCrs, startMediaServer, startServer } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

const SECRET = "a-secret-of-this-webhook";

interface Delivery {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly response: ServerResponse;
}

let receiver: Server;
/** What came and was not looked at yet, in order. */
let next: () => Promise<Delivery>;
let url: URL;
beforeEach(async () => {
  const waiting: Delivery[] = [];
  let wake = (): void => undefined;
  receiver = createServer((request, response) => {
    void text(request).then((body) => {
      waiting.push({ headers: request.headers, body, response });
      wake();
    });
  });
  next = async () => {
    while (waiting.length === 0) await new Promise<void>((resolve) => void (wake = resolve));
    return waiting.shift() ?? (await next());
  };
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const address = receiver.address();
  url = new URL(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/hook`);
});
afterEach(() => {
  receiver.closeAllConnections();
  receiver.close();
});

/** As a receiver does it, by the documentation. */
function verify({ headers, body }: Delivery): boolean {
  const [, t = "", v1 = ""] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["x-interlude-signature"])) ?? [];
  const isNow = Math.abs(Date.now() / 1000 - Number(t)) < 300;
  return isNow && createHmac("sha256", SECRET).update(`${t}.${body}`).digest("hex") === v1;
}

/** A minute, for deliveries that a server had in hand when it was killed; and the wait before their next attempt is short. */
async function letTimePass(state: string): Promise<void> {
  const database = await PGlite.create(join(state, "database/pglite"));
  const { affectedRows } = await database.query(
    `update pgboss.job set heartbeat_on = heartbeat_on - interval '1 minute', retry_delay = 1
     where name = 'webhook' and state = 'active'`,
  );
  expect(affectedRows).toBe(1);
  await database.close();
}

const answer = ({ response }: Delivery, status: number, headers = {}): void =>
  void response.writeHead(status, headers).end();

async function start(media: MediaServer, retryLimit = 3, maxAttempts = 2) {
  const webhook = { url, secret: SECRET, timeoutMs: 5000, retryLimit, retryDelay: 1 };
  const errors: string[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (_: object, message: string) => void errors.push(message),
  };
  const retry = { maxAttempts, permanentBackoff: 0, transientBackoff: 0 };
  const crs = await startCrs({ allow: [media], config: { webhook, retry }, log });
  onTestFinished(async () => {
    await crs.close();
    await media.close();
  });
  return { crs, errors };
}

describe("a webhook", () => {
  test("is signed, comes again under the same id until it is taken, and tells what became of the creative", async () => {
    const media = await startMediaServer(testMedia);
    const { crs } = await start(media);
    const made = await crs.repackage(new URL("told/short.mp4", media.base));
    const first = await next();
    answer(first, 500);
    const second = await next();
    answer(second, 204);
    expect([first, second].map(verify)).toEqual([true, true]);
    expect(verify({ ...first, body: first.body.replace("ready", "raedy") })).toBe(false);
    const ids = [first, second].map(({ headers }) => headers["x-interlude-delivery"]);
    expect(new Set(ids).size).toBe(1);
    expect(JSON.parse(second.body)).toMatchObject({
      event: "creative.ready",
      id: ids[0],
      creative: { zone: "1", key: made.key, state: "ready", progress: 1, packages: [{ cdns: ["a", "b"] }] },
    });
    expect(media.requests).toEqual(["/told/short.mp4"]);
  });

  test("tells a failure that is not tried again unasked, then the block; follows no redirect; and is given up in the end", async () => {
    const media = await startServer((_request, response) => void response.writeHead(404).end());
    const { crs, errors } = await start(media, 1);
    const asked = {
      zone: "1",
      creativeUrl: new URL("gone.mp4", media.base).href,
      packaging: "hls",
      targetDuration: 6,
    } as const;
    const { key } = await crs.crs.submit(asked);
    const failed = await next();
    answer(failed, 200);
    expect(JSON.parse(failed.body)).toMatchObject({
      event: "creative.failed",
      creative: { key, reason: "source-missing" },
    });
    await crs.crs.submit(asked);
    const blocked = await next();
    answer(blocked, 410);
    expect(JSON.parse(blocked.body)).toMatchObject({ event: "creative.blocked", creative: { key, attempts: 2 } });
    const ended = crs.database.boss;
    answer(await next(), 302, { location: `${media.base.href}stolen` });
    const states = async (): Promise<readonly string[]> =>
      (await ended.findJobs("webhook", {})).map(({ state }) => state).toSorted();
    await expect.poll(states, { timeout: 20_000 }).toEqual(["completed", "failed"]);
    expect(errors).toEqual(["webhook is given up"]);
    expect(media.requests).toEqual(["/gone.mp4", "/gone.mp4"]);
  });

  test("that a killed server had not delivered is delivered after its restart", async () => {
    const media = await startServer((_request, response) => void response.writeHead(404).end());
    const folder = mkdtempSync(join(tmpdir(), "interlude-webhook-"));
    onTestFinished(async () => {
      await media.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const env = {
      INTERLUDE_STATE: folder,
      INTERLUDE_FETCH_ALLOW_PRIVATE: media.base.host,
      INTERLUDE_WEBHOOK_URL: url.href,
      INTERLUDE_WEBHOOK_SECRET: SECRET,
    };
    const first = await startServe(env);
    const items = [{ zone: "1", creativeUrl: new URL("gone.mp4", media.base).href }];
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const asked = await fetch(new URL("/v1/repackage", first.base), {
      method: "POST",
      headers,
      body: JSON.stringify({ items }),
    });
    expect(asked.status).toBe(202);
    const lost = await next();
    const ended = once(first.child, "exit");
    first.child.kill("SIGKILL");
    await ended;
    await letTimePass(folder);
    await startServe(env);
    const again = await next();
    answer(again, 200);
    expect(verify(again)).toBe(true);
    expect(again.headers["x-interlude-delivery"]).toBe(lost.headers["x-interlude-delivery"]);
    expect(JSON.parse(again.body)).toMatchObject({ event: "creative.failed", creative: { reason: "source-missing" } });
  });
});
