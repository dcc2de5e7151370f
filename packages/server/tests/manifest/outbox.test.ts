/** How often a third party is asked, whatever goes wrong on the way: once, or as often as it cannot have taken the request. */
import type { IncomingMessage } from "node:http";
import { AdError } from "@interlude/core";
import Fastify from "fastify";
import { Registry } from "prom-client";
import { errors } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { createMemoryOutbox } from "../../src/manifest/tracking/outbox-memory.ts";
import { createOutboxMetrics } from "../../src/manifest/tracking/outbox-metrics.ts";
import type { OutboxRows } from "../../src/manifest/tracking/outbox-rows.ts";
import { createBeaconSend } from "../../src/manifest/tracking/outbox-send.ts";
import { createOwnFetch } from "../../src/own-address.ts";
import { loopback } from "../http/loopback.ts";
import { beaconTo, BOUNDS, countingHost, HOUR_MS, outboxWorld, START, statuses } from "./outbox-world.ts";

/** A port at which nothing listens. */
async function closedPort(): Promise<number> {
  const { server, port } = await loopback(() => undefined);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("a beacon whose host has taken it", () => {
  test.each([200, 204, 304, 302])("answer %i: is asked once", async (status) => {
    const host = await countingHost(statuses([status]));
    const world = outboxWorld({ ports: [host.port] });
    await world.send(`${host.origin}/a`);
    await world.pass(HOUR_MS);
    expect(host.asked).toEqual(["/a"]);
    expect(world.ended).toEqual(["impression sent"]);
  });

  test.each([400, 404, 408, 425, 500, 502, 504])("answer %i: is asked once, and counted as refused", async (status) => {
    const host = await countingHost(statuses([status], () => ({ "retry-after": "1" })));
    const world = outboxWorld({ ports: [host.port] });
    await world.send(`${host.origin}/a`);
    await world.pass(HOUR_MS);
    expect(host.asked).toEqual(["/a"]);
    expect(world.ended).toEqual(["impression refused"]);
  });
});

describe("a beacon whose host may have taken it", () => {
  test("the connection is cut after the request: is asked once", async () => {
    const host = await countingHost((request) => request.socket.destroy());
    const world = outboxWorld({ ports: [host.port] });
    await world.send(`${host.origin}/a`);
    await world.pass(HOUR_MS);
    expect(host.asked).toEqual(["/a"]);
    expect([world.ended, world.requested]).toEqual([["impression failed"], [0]]);
  });

  test("the cut connection had served another request before: each is asked once", async () => {
    const served = new Set<unknown>();
    let isCut = false;
    const host = await countingHost(({ socket }, response) => {
      isCut = served.has(socket);
      served.add(socket);
      if (isCut) socket.destroy();
      else response.writeHead(204).end();
    });
    const world = outboxWorld({ ports: [host.port] });
    const urls: string[] = [];
    const wasCut = (): boolean => isCut;
    while (!wasCut()) {
      urls.push(`/${urls.length}`);
      await world.send(`${host.origin}${urls.at(-1)}`);
    }
    await world.pass(HOUR_MS);
    expect(host.asked).toEqual(urls);
    expect(world.ended).toEqual([...urls.slice(1).map(() => "impression sent"), "impression failed"]);
  });

  test("the answer is cut in the middle, of 503 too: is asked once", async () => {
    const host = await countingHost((request, response) => {
      response.writeHead(request.url === "/503" ? 503 : 200, { "content-length": "10" }).write("half", () => {
        request.socket.destroy();
      });
    });
    const world = outboxWorld({ ports: [host.port] });
    await world.send(`${host.origin}/200`, `${host.origin}/503`);
    await world.pass(HOUR_MS);
    expect(host.asked.toSorted()).toEqual(["/200", "/503"]);
    expect(world.ended).toEqual(["impression failed", "impression failed"]);
  });

  test("no answer comes in time: is asked once", async () => {
    const host = await countingHost(() => undefined);
    const world = outboxWorld({ ports: [host.port], timeoutMs: 50 });
    await world.send(`${host.origin}/a`);
    await world.pass(HOUR_MS);
    expect(host.asked).toEqual(["/a"]);
    expect([world.ended, world.requested]).toEqual([["impression failed"], [0]]);
  });

  test.each([
    ["cannot be reached", undefined],
    ["answers 503", 503],
    ["answers 429", 429],
    ["answers 204", 204],
  ])("a redirect to a host that %s: both are asked once", async (_name, status) => {
    const second = await countingHost(statuses([status ?? 204]));
    const target = status === undefined ? `http://127.0.0.1:${await closedPort()}/b` : `${second.origin}/b`;
    const first = await countingHost((_request, response) => response.writeHead(302, { location: target }).end());
    const world = outboxWorld({ ports: [first.port, second.port, Number(new URL(target).port)] });
    await world.send(`${first.origin}/a`);
    await world.pass(HOUR_MS);
    expect(first.asked).toEqual(["/a"]);
    expect(second.asked).toEqual(status === undefined ? [] : ["/b"]);
    const outcome = { 0: "failed", 204: "sent" }[status ?? 0] ?? "refused";
    expect(world.ended).toEqual([`impression ${outcome}`]);
  });

  test("a redirect to another host has the viewer's headers and not the cookie of the first, at whatever step", async () => {
    const seen: unknown[] = [];
    const note = (request: IncomingMessage): void => {
      const { headers, url } = request;
      const names = ["x-forwarded-for", "user-agent", "x-device-user-agent", "cookie"];
      seen.push([url, ...names.map((name) => headers[name])]);
    };
    const second = await countingHost((request, response) => {
      note(request);
      response.writeHead(204).end();
    });
    const first = await countingHost((request, response) => {
      note(request);
      response.writeHead(307, { location: request.url === "/a" ? "/b" : `${second.origin}/c` }).end();
    });
    const { outbox } = outboxWorld({ ports: [first.port, second.port] });
    const { headers } = beaconTo("http://x/");
    for (const path of ["/a", "/b"]) {
      await outbox.add(beaconTo(first.origin + path, { headers: { ...headers, cookie: "id=1" } }));
      await outbox.idle();
    }
    const viewer = ["203.0.113.9", "Player/1", "Player/1"];
    const [a, b, c] = [
      ["/a", ...viewer, "id=1"],
      ["/b", ...viewer, "id=1"],
      ["/c", ...viewer, undefined],
    ];
    expect(seen).toEqual([a, b, c, b, c]);
  });

  test("what was sent and could not be written down is not sent again, and counts once as failed", async () => {
    const host = await countingHost(statuses([503]));
    const kept = createMemoryOutbox(BOUNDS);
    const rows: OutboxRows = { ...kept, settle: () => Promise.reject(new Error("away")) };
    const world = outboxWorld({ ports: [host.port], rows });
    await world.send(`${host.origin}/a`);
    expect([world.ended, world.errors]).toEqual([[], [new Error("away")]]);
    await world.pass(HOUR_MS);
    expect(host.asked).toEqual(["/a"]);
    expect(world.ended).toEqual(["impression failed"]);
    expect(await kept.count()).toEqual({ waiting: 0, sending: 0 });
  });
});

describe("a beacon whose host cannot have taken it", () => {
  test("a refused connection: is asked as soon as somebody listens, once", async () => {
    const port = await closedPort();
    const world = outboxWorld({ ports: [port] });
    await world.send(`http://127.0.0.1:${port}/a`);
    expect([world.ended, world.retried, world.requested]).toEqual([[], ["unsent"], [0]]);
    const host = await countingHost(statuses([204]), port);
    await world.pass(999);
    expect(host.asked).toEqual([]);
    await world.pass(1);
    await world.pass(HOUR_MS);
    expect(host.asked).toEqual(["/a"]);
    expect(world.ended).toEqual(["impression sent"]);
  });

  test("a name that cannot be resolved is tried again", async () => {
    const world = outboxWorld({ ports: [] });
    await world.send("http://beacons.invalid/a");
    expect([world.ended, world.retried]).toEqual([[], ["unsent"]]);
  });

  test("a connection that takes too long to open is tried again, an answer that takes too long is not", async () => {
    const failures = [new errors.ConnectTimeoutError(), new errors.HeadersTimeoutError(), new errors.SocketError()];
    const retried = failures.map(async (cause) => {
      const failure = new AdError("upstream-timeout", "http://a.example/: no answer", { cause });
      const send = createBeaconSend({ fetch: () => Promise.reject(failure), now: () => START });
      return (await send(new URL("http://a.example/"), {})).kind;
    });
    expect(await Promise.all(retried)).toEqual(["unsent", "unknown", "unknown"]);
  });

  test("an address that may not be reached is not tried again", async () => {
    const host = await countingHost(statuses([204]));
    const world = outboxWorld({ ports: [] });
    await world.send(`${host.origin}/a`);
    await world.pass(HOUR_MS);
    expect([host.connections(), world.ended, world.retried]).toEqual([0, ["impression failed"], []]);
  });

  test.each([429, 503])(
    "answer %i: is asked again after 1, 4, 16, 64, 256 and 1024 s, and then given up",
    async (status) => {
      const host = await countingHost(statuses([status]));
      const world = outboxWorld({ ports: [host.port] });
      await world.send(`${host.origin}/a`);
      const times: number[] = [];
      for (const seconds of [1, 4, 16, 64, 256, 1024]) {
        await world.pass(seconds * 1000 - 1);
        times.push(host.asked.length);
        await world.pass(1);
      }
      expect(times).toEqual([1, 2, 3, 4, 5, 6]);
      expect(world.ended).toEqual(["impression refused"]);
      await world.pass(HOUR_MS);
      expect(host.asked).toHaveLength(7);
      expect(world.retried).toEqual(Array.from({ length: 6 }, () => String(status)));
    },
  );

  test.each([
    ["429, Retry-After in seconds", 429, "120"],
    ["503, Retry-After in seconds", 503, "120"],
    ["429, Retry-After as a date", 429, new Date(START + 120_000).toUTCString()],
  ])("answer %s: is asked when the host says", async (_name, status, retryAfter) => {
    const host = await countingHost(statuses([status, 204], () => ({ "retry-after": retryAfter })));
    const world = outboxWorld({ ports: [host.port] });
    await world.send(`${host.origin}/a`);
    await world.pass(119_999);
    expect(host.asked).toEqual(["/a"]);
    await world.pass(1);
    expect(host.asked).toEqual(["/a", "/a"]);
    expect(world.ended).toEqual(["impression sent"]);
  });

  test.each(["-5", "soon", "99999999999", "1e3", "2999-01-01"])(
    "a Retry-After that is none (%s) leaves the back-off",
    async (retryAfter) => {
      const host = await countingHost(statuses([429, 204], () => ({ "retry-after": retryAfter })));
      const world = outboxWorld({ ports: [host.port] });
      await world.send(`${host.origin}/a`);
      await world.pass(1000);
      expect(host.asked).toEqual(["/a", "/a"]);
    },
  );

  test("a host that says later than an hour is not asked again", async () => {
    const host = await countingHost(statuses([503], () => ({ "retry-after": "3601" })));
    const world = outboxWorld({ ports: [host.port] });
    await world.send(`${host.origin}/a`);
    expect(world.ended).toEqual(["impression refused"]);
  });

  test("the other beacons of a host that answers 429 wait as well, those of other hosts do not", async () => {
    const busy = await countingHost(statuses([429, 204], () => ({ "retry-after": "30" })));
    const free = await countingHost(statuses([204]));
    const world = outboxWorld({ ports: [busy.port, free.port] });
    await world.send(`${busy.origin}/a`);
    await world.send(`${busy.origin}/b`, `${free.origin}/c`);
    expect([busy.asked, free.asked]).toEqual([["/a"], ["/c"]]);
    await world.pass(30_000);
    expect(busy.asked.toSorted()).toEqual(["/a", "/a", "/b"]);
    expect(world.ended).toEqual(["impression sent", "impression sent", "impression sent"]);
  });

  test("a host that was away for an hour is not flooded with what is over", async () => {
    const port = await closedPort();
    const world = outboxWorld({ ports: [port] });
    await world.send(`http://127.0.0.1:${port}/a`, `http://127.0.0.1:${port}/b`);
    const host = await countingHost(statuses([204]), port);
    await world.pass(HOUR_MS + 1);
    expect(host.asked).toEqual([]);
    expect(world.ended).toEqual(["impression dropped", "impression dropped"]);
  });
});

describe("a beacon for this server itself", () => {
  test("goes the same way without the network: kept, asked again after 503, once after that", async () => {
    const seen: unknown[] = [];
    const app = Fastify();
    app.get("/track/impression", ({ headers, query }, reply) => {
      seen.push([headers["x-forwarded-for"], headers["user-agent"], headers["x-device-user-agent"], query]);
      return reply.code(seen.length === 1 ? 503 : 204).send();
    });
    onTestFinished(() => app.close());
    const world = outboxWorld({ ports: [], own: createOwnFetch(app, ["ads.example"]) });
    await world.send("http://ads.example/track/impression?zone=1");
    await world.pass(1000);
    await world.pass(HOUR_MS);
    const request = ["203.0.113.9", "Player/1", "Player/1", { zone: "1" }];
    expect(seen).toEqual([request, request]);
    expect([world.retried, world.ended]).toEqual([["503"], ["impression sent"]]);
  });
});

describe("the outbox", () => {
  test("has only so many requests under way to one host and in all, hosts in turn, each in the order of its coming", async () => {
    const started: string[] = [];
    const ends = new Map<string, () => void>();
    const { outbox } = outboxWorld({
      ports: [],
      limits: { perHost: 2, overall: 3 },
      send: ({ host, pathname }) => {
        const name = `${host}${pathname}`;
        started.push(name);
        return new Promise((resolve) => ends.set(name, () => resolve({ kind: "answered", status: 204 })));
      },
    });
    const end = async (name: string): Promise<void> => {
      ends.get(name)?.();
      while (started.length < 6) await new Promise((resolve) => setImmediate(resolve));
    };
    for (const name of ["a/1", "a/2", "a/3", "b/1", "b/2", "c/1"]) await outbox.add(beaconTo(`http://${name}`));
    await new Promise((resolve) => setImmediate(resolve));
    expect(started).toEqual(["a/1", "a/2", "b/1"]);
    for (const name of ["a/1", "a/2", "b/1"]) ends.get(name)?.();
    await end("c/1");
    expect(started.slice(3).toSorted()).toEqual(["a/3", "b/2", "c/1"]);
    for (const name of started) ends.get(name)?.();
    await outbox.idle();
  });

  test("drops what has no room, and says so before the next one is claimed", async () => {
    const port = await closedPort();
    const { outbox, clock } = outboxWorld({
      ports: [port],
      rows: createMemoryOutbox({ waitingPerHost: 2, waitingOverall: 3 }),
    });
    const url = `http://127.0.0.1:${port}/a`;
    const host = `127.0.0.1:${port}`;
    const added = [];
    for (const to of [url, url, url, "http://b.invalid/", "http://c.invalid/"])
      added.push(await outbox.add(beaconTo(to)));
    expect(added).toEqual([true, true, false, true, false]);
    expect([host, "b.invalid", "c.invalid"].map(outbox.hasRoom)).toEqual([false, true, false]);
    clock.at += 1000;
    expect(outbox.hasRoom(host)).toBe(true);
  });

  test("goes on after its database was away, and says to who adds that it was", async () => {
    const host = await countingHost(statuses([204]));
    const kept = createMemoryOutbox(BOUNDS);
    let isAway = false;
    const whenThere = async <T>(run: () => Promise<T>): Promise<T> => {
      if (isAway) throw new Error("away");
      return run();
    };
    const rows: OutboxRows = {
      ...kept,
      add: (beacons, now) => whenThere(() => kept.add(beacons, now)),
      take: (room, now) => whenThere(() => kept.take(room, now)),
    };
    const world = outboxWorld({ ports: [host.port], rows });
    await kept.add([beaconTo(`${host.origin}/kept`)], START);
    isAway = true;
    await expect(world.outbox.add(beaconTo(`${host.origin}/lost`))).rejects.toThrow("away");
    await world.pass(1000);
    expect(world.errors).not.toEqual([]);
    isAway = false;
    await world.pass(1000);
    expect(host.asked).toEqual(["/kept"]);
  });

  test("its metrics say what waits, and why beacons are sent again", async () => {
    const rows = createMemoryOutbox(BOUNDS);
    const registry = new Registry();
    const { countRetry } = createOutboxMetrics(registry, rows.count);
    await rows.add([beaconTo("http://a/1"), beaconTo("http://a/2"), beaconTo("http://a/3")], START);
    await rows.take({ free: 1, perHost: 1, active: new Map(), held: [] }, START);
    countRetry("429");
    const lines = (await registry.metrics()).split("\n").filter((line) => line.startsWith("interlude_"));
    expect(lines).toEqual([
      'interlude_server_beacons_kept{state="waiting"} 2',
      'interlude_server_beacons_kept{state="sending"} 1',
      'interlude_server_beacon_retries_total{cause="429"} 1',
    ]);
  });

  test("closing begins nothing more, ends with what is under way, and leaves what waits", async () => {
    const host = await countingHost(() => undefined);
    const rows = createMemoryOutbox(BOUNDS);
    const world = outboxWorld({ ports: [host.port], rows, limits: { perHost: 1, overall: 1 } });
    const answered = new Promise<void>((resolve) => {
      host.server.on("request", (_request, response) => setImmediate(() => response.end(resolve)));
    });
    await world.outbox.add(beaconTo(`${host.origin}/a`));
    await world.outbox.add(beaconTo(`${host.origin}/b`));
    await world.outbox.close();
    await answered;
    expect([host.asked, world.ended]).toEqual([["/a"], ["impression sent"]]);
    expect(await rows.count()).toEqual({ waiting: 1, sending: 0 });
  });
});
