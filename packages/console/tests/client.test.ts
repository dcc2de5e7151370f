import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { createApi } from "../src/api/client.ts";
import { readEvents } from "../src/api/events.ts";
import { keepRecent } from "../src/api/recent.ts";
import { createTurns } from "../src/api/turns.ts";

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const address = server.address();
  return new URL(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/below/`);
}

const refused: string[] = [];
const open = (root: URL, token = "t") => createApi({ token, root, onRefused: () => refused.push(token) });

describe("the API", () => {
  test("is asked below the server's root, with the token", async () => {
    const root = await serve((request, response) => {
      response.end(JSON.stringify([request.method, request.url, request.headers.authorization]));
    });
    expect(await open(root).get("v1/overview?a=1")).toEqual(["GET", "/below/v1/overview?a=1", "Bearer t"]);
  });

  test("that refuses the token says so to the page, once for each time", async () => {
    const message = "Authorization: expected the API token as Bearer, got another";
    const root = await serve((_, response) => {
      response.writeHead(401).end(JSON.stringify({ error: { code: "unauthorized", message } }));
    });
    await expect(open(root, "old").get("v1/config")).rejects.toMatchObject({ status: 401, message });
    expect(refused).toEqual(["old"]);
  });

  test("that answers with a proxy's page, or not at all, is told by its status, or that it cannot be reached", async () => {
    const root = await serve((_, response) => {
      response.writeHead(502, "Bad Gateway").end("<html>");
    });
    await expect(open(root).get("v1/config")).rejects.toMatchObject({ message: "The server answered 502 Bad Gateway" });
    const nowhere = new URL("http://127.0.0.1:1/");
    await expect(open(nowhere).get("v1/config")).rejects.toMatchObject({
      status: 0,
      message: "The server cannot be reached.",
    });
  });

  test("that is no longer waited for rejects with the reason of the signal, as no failure of the server", async () => {
    const root = await serve(() => undefined);
    await expect(open(root).get("v1/config", AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("server-sent events", () => {
  test("are read across chunks and whatever ends their lines; comments and what is not whole are left out", async () => {
    const chunks = [
      ":\n\nevent: crea",
      'tive\ndata: {"a":',
      '"é"}\n',
      "\r\n",
      "data: x\r\ndata: y\r\n\r\n",
      "event: cut\ndata: 1\n",
    ];
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        for (const text of chunks) controller.enqueue(new TextEncoder().encode(text));
        controller.close();
      },
    });
    const events: (readonly [string, string])[] = [];
    await readEvents(body, (name, text) => events.push([name, text]));
    expect(events).toEqual([
      ["creative", '{"a":"é"}'],
      ["message", "x\ny"],
    ]);
  });
});

test("turns run so many at a time, in order, and one that fails holds up no other", async () => {
  const turns = createTurns(2);
  const starts: number[] = [];
  const ends: (() => void)[] = [];
  const run = (number: number): Promise<number> =>
    turns(async () => {
      starts.push(number);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (number === 1) throw new Error("one");
      return number;
    });
  const all = Promise.allSettled([run(1), run(2), run(3), run(4)]);
  expect(starts).toEqual([1, 2]);
  ends[0]?.();
  await expect.poll(() => starts).toEqual([1, 2, 3]);
  const fifth = run(5);
  expect(starts).toEqual([1, 2, 3]);
  ends[1]?.();
  ends[2]?.();
  await expect.poll(() => starts).toEqual([1, 2, 3, 4, 5]);
  ends[3]?.();
  ends[4]?.();
  expect(await fifth).toBe(5);
  expect((await all).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled", "fulfilled"]);
});

describe("recent answers", () => {
  test("are shared while they are under way and for as long as they are recent", async () => {
    let now = 0;
    const asked: string[] = [];
    const ask = keepRecent(
      async (path) => asked.push(path),
      20,
      () => now,
    );
    expect(await Promise.all([ask("a"), ask("a"), ask("b")])).toEqual([1, 1, 2]);
    now = 19;
    expect(await ask("a")).toBe(1);
    now = 20;
    expect(await ask("a")).toBe(3);
    expect(asked).toEqual(["a", "b", "a"]);
  });

  test("are never failures", async () => {
    let turn = 0;
    const ask = keepRecent(
      async () => {
        turn += 1;
        if (turn === 1) throw new Error("first");
        return turn;
      },
      20,
      () => 0,
    );
    await expect(ask("a")).rejects.toThrow("first");
    expect(await ask("a")).toBe(2);
  });
});
