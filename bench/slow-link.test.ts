/** The slow link of the benches lets through what a line of that rate would, and no more. */
import { createServer, request, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SlowLink, startSlowLink } from "./slow-link.ts";

/** 100 kB a second. */
const SHAPE = { bitsPerSecond: 800_000, roundTripMs: 40 };
const FILE = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index % 251));

let server: Server;
let origin: URL;
let link: SlowLink;
beforeAll(async () => {
  server = createServer((asked, answer) => {
    const status = asked.url === "/missing" ? 404 : 200;
    const body = asked.url === "/long" ? Buffer.alloc(2_000_000) : FILE;
    answer.writeHead(status, { "content-type": "video/mp4", "x-range": asked.headers.range ?? "" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  origin = new URL(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`);
  link = await startSlowLink(origin, SHAPE);
});
afterAll(async () => {
  await link.close();
  server.closeAllConnections();
  server.close();
});

const read = async (path: string, init?: RequestInit): Promise<Buffer> =>
  Buffer.from(await (await fetch(new URL(path, link.url), init)).arrayBuffer());

describe("startSlowLink", () => {
  test("hands on the request, and the answer as it is", async () => {
    const answer = await fetch(new URL("/missing", link.url), { headers: { range: "bytes=0-9" } });
    expect(answer.status).toBe(404);
    expect(answer.headers.get("content-type")).toBe("video/mp4");
    expect(answer.headers.get("x-range")).toBe("bytes=0-9");
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(FILE);
  });

  test("takes the time that the bytes take, and a round trip", async () => {
    const before = performance.now();
    await read("/one");
    expect(performance.now() - before).toBeGreaterThan(40 + 200 - 2);
  });

  test("is shared by all that is under way", async () => {
    const before = performance.now();
    await Promise.all([read("/two"), read("/three")]);
    expect(performance.now() - before).toBeGreaterThan(40 + 400 - 2);
  });

  test("tells what of each path had been sent by a moment", async () => {
    const before = Date.now();
    await read("/four?a=1");
    await read("/four?a=2");
    expect((await link.readSent()).get("/four")).toBe(2 * FILE.length);
    expect((await link.readSent(before)).has("/four")).toBe(false);
  });

  test("sends little more to a client that has gone away", async () => {
    const leaving = new AbortController();
    const { body } = await fetch(new URL("/long", link.url), { signal: leaving.signal });
    const { value } = (await body?.getReader().read()) ?? {};
    leaving.abort();
    await read("/five");
    expect(value?.length).toBeGreaterThan(0);
    expect((await link.readSent()).get("/long")).toBeLessThan(500_000);
  });

  test("is a proxy for who says the whole address", async () => {
    const { hostname, port } = link.url;
    const answer = await new Promise<string>((resolve, reject) => {
      const asked = request({ hostname, port, path: new URL("/six", origin).href }, (got) => resolve(text(got)));
      asked.once("error", reject).end();
    });
    expect(answer).toBe(FILE.toString());
    expect((await link.readSent()).get("/six")).toBe(FILE.length);
  });
});
