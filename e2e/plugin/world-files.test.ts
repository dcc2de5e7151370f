/** The files of the specs' world are handed out as servers of creatives hand out theirs. */
import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWorldFiles, type FileBehaviours } from "./world-files.ts";

const FILE = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));

const files = createWorldFiles();
const server = createServer((request, response) => {
  response.setHeader("access-control-allow-origin", "*");
  void files.respond(request.url ?? "/", request, response).then((isThere) => {
    if (!isThere) response.writeHead(404).end();
  });
});
let base = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

let made = 0;
function serve(behaviours?: FileBehaviours): string {
  made += 1;
  files.serve(`/${made}.mp4`, FILE, behaviours);
  return `${base}/${made}.mp4`;
}

const get = (url: string, range?: string): Promise<Response> =>
  fetch(url, { headers: range === undefined ? {} : { range }, redirect: "manual" });
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

describe("ranges", () => {
  test.for([
    ["bytes=10-19", 10, 20],
    ["bytes=199990-", 199_990, 200_000],
    ["bytes=-10", 199_990, 200_000],
    ["bytes=199990-300000", 199_990, 200_000],
  ] as const)("%s are answered with 206, and with which bytes they are", async ([range, start, end]) => {
    const response = await get(serve(), range);
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${start}-${end - 1}/200000`);
    expect(await bytesOf(response)).toEqual(FILE.subarray(start, end));
  });

  test("beyond the end are answered with 416", async () => {
    const response = await get(serve(), "bytes=200000-");
    expect([response.status, response.headers.get("content-range")]).toEqual([416, "bytes */200000"]);
  });

  test("are not needed: without one the whole file comes", async () => {
    const response = await get(serve());
    expect([response.status, response.headers.get("accept-ranges")]).toEqual([200, "bytes"]);
    expect(await bytesOf(response)).toEqual(FILE);
  });
});

describe("a server", () => {
  test("that ignores ranges sends all, with its length or without, encoded or not", async () => {
    for (const [behaviour, length] of [
      ["whole", "200000"],
      ["unsized", null],
      ["gzip", null],
    ] as const) {
      const response = await get(serve(behaviour), "bytes=0-9");
      expect([response.status, response.headers.get("content-length")]).toEqual([200, length]);
      expect(await bytesOf(response)).toEqual(FILE);
    }
  });

  test("that sends other bytes says which", async () => {
    const response = await get(serve("other"), "bytes=0-9");
    expect(response.headers.get("content-range")).toBe("bytes 1000-1009/200000");
  });

  test("whose file has changed sends what now lies there", async () => {
    const url = serve((nth) => (nth === 0 ? "ranges" : "changed"));
    expect(await bytesOf(await get(url, "bytes=1000-1009"))).toEqual(FILE.subarray(1000, 1010));
    expect(await bytesOf(await get(url, "bytes=1000-1009"))).toEqual(FILE.subarray(0, 10));
  });

  test("that closes the connection sends half of it", async () => {
    const url = serve("cut");
    await expect(get(url, "bytes=0-99999").then(bytesOf)).rejects.toThrow("terminated");
    expect(files.reads.at(-1)).toMatchObject({ range: "bytes=0-99999", status: 206, sentBytes: 50_000 });
  });

  test("that stalls sends half of it and keeps the connection", async () => {
    const { body } = await get(serve("stalled"), "bytes=0-99999");
    let got = 0;
    for await (const chunk of body ?? []) if ((got += chunk.length) >= 50_000) break;
    expect(got).toBe(50_000);
  });

  test("tells pages of other origins what it wants them to know", async () => {
    const namesOf = async (behaviour: FileBehaviours): Promise<readonly (string | null)[]> => {
      const { headers } = await get(serve(behaviour), "bytes=0-9");
      return ["access-control-allow-origin", "access-control-expose-headers"].map((name) => headers.get(name));
    };
    expect(await namesOf("ranges")).toEqual(["*", "accept-ranges, content-length, content-range"]);
    expect(await namesOf("hidden")).toEqual(["*", null]);
    expect(await namesOf("no-cors")).toEqual([null, "accept-ranges, content-length, content-range"]);
  });

  test("refuses, forbids, fails and sends elsewhere", async () => {
    const statusOf = async (behaviour: FileBehaviours): Promise<number> => (await get(serve(behaviour))).status;
    expect(await statusOf("refused")).toBe(416);
    expect(await statusOf("forbidden")).toBe(403);
    expect(await statusOf("down")).toBe(503);
    const moved = await get(serve({ redirect: "/elsewhere.mp4" }));
    expect([moved.status, moved.headers.get("location")]).toEqual([302, "/elsewhere.mp4"]);
  });
});

test("the log has each request and the bytes of its answer; preflights and heads have none", async () => {
  const url = serve();
  const before = files.reads.length;
  await fetch(url, { method: "OPTIONS" });
  await fetch(url, { method: "HEAD" });
  await bytesOf(await get(url, "bytes=0-9"));
  expect(files.reads.slice(before)).toMatchObject([
    { method: "OPTIONS", status: 204, sentBytes: 0 },
    { method: "HEAD", status: 200, sentBytes: 0 },
    { method: "GET", range: "bytes=0-9", status: 206, sentBytes: 10 },
  ]);
});
