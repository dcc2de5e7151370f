import type { FastifyInstance } from "fastify";
import { beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTestDatabase, testApp, testTracking, TOKEN } from "../http/test-app.ts";
import { BROWSER } from "./browser.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

const authorization = `Bearer ${TOKEN}`;

async function report(app: FastifyInstance, query: string): Promise<readonly Record<string, unknown>[]> {
  const answer = await app.inject({ url: `/report/beacons?${query}`, headers: { authorization } });
  expect(answer.statusCode).toBe(200);
  return answer.json().beacons;
}

describe("/track/{event}", () => {
  test("a beacon is in the report when it is answered, with every field that the tracking URL names", async () => {
    const now = Date.parse("2026-11-21T10:00:00.123Z");
    const app = await testApp({ query: database.query, now: () => now });
    const url =
      "/track/pause?zone=1&session=all-fields&break=mid-1&position=2&ad=ad-1&creative=c-1&li=mp4&n=3&up=first" +
      "&t=2026-11-21T10%3A00%3A00.100%2B00%3A00&playhead=00%3A00%3A05.250&content=00%3A01%3A20.500&error=407&reason=new-creative&cb=12345678&foo=bar";
    const answer = await app.inject({ url, headers: BROWSER });
    expect([answer.statusCode, answer.body, answer.headers["cache-control"]]).toEqual([204, "", "no-store"]);
    expect(await report(app, "session=all-fields")).toEqual([
      {
        id: expect.stringMatching(/^\d+$/),
        receivedAt: "2026-11-21T10:00:00.123Z",
        event: "pause",
        zone: "1",
        session: "all-fields",
        break: "mid-1",
        position: 2,
        ad: "ad-1",
        creative: "c-1",
        lineItem: "mp4",
        upstream: "first",
        occurrence: 3,
        sentAt: "2026-11-21T10:00:00.100Z",
        skewMs: 23,
        playhead: 5.25,
        contentPlayhead: 80.5,
        error: 407,
        reason: "new-creative",
        amount: 0,
        signature: "unsigned",
        mark: "unsigned",
        extra: { foo: "bar" },
      },
    ]);
  });

  test("macros that nobody filled in, or that are not known, lose that value and not the beacon", async () => {
    const app = await testApp({ query: database.query });
    const macros = "t=[TIMESTAMP]&playhead=[ADPLAYHEAD]&content=-1&error=[ERRORCODE]&cb=[CACHEBUSTING]&position=x";
    expect((await app.inject({ url: `/track/start?session=macros&${macros}` })).statusCode).toBe(204);
    const [beacon] = await report(app, "session=macros");
    expect(beacon).toMatchObject({ event: "start", position: 0, occurrence: 1, ad: "" });
    expect(["sentAt", "playhead", "contentPlayhead", "error"].filter((name) => name in (beacon ?? {}))).toEqual([]);
  });

  test.each(["0000-01-01T00:00:00Z", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])(
    "a clock that the database cannot tell, %s, loses its time and costs no other beacon",
    async (time) => {
      const app = await testApp({ query: database.query });
      const session = `clock-${time.replace(/\W/g, "-")}`;
      const urls = [`t=${time}`, "t=2026-11-21T07:00:00Z"].map(
        (query, i) => `/track/pause?session=${session}&n=${i + 1}&${query}`,
      );
      const answers = await Promise.all(urls.map((url) => app.inject({ url })));
      expect(answers.map((answer) => answer.statusCode)).toEqual([204, 204]);
      expect((await report(app, `session=${session}`)).map((beacon) => beacon.sentAt)).toEqual([
        undefined,
        "2026-11-21T07:00:00.000Z",
      ]);
    },
  );

  test.each([
    ["text/plain;charset=UTF-8", "anything"],
    ["application/json", "{ broken"],
    ["application/x-www-form-urlencoded", "a=b"],
    ["application/octet-stream", "\u0000"],
  ])("sendBeacon's body as %s is taken and thrown away", async (type, payload) => {
    const app = await testApp({ query: database.query });
    const session = type.replace(/\W/g, "-");
    const headers = { "content-type": type, origin: "https://page.example" };
    const answer = await app.inject({ method: "POST", url: `/track/complete?session=${session}`, payload, headers });
    expect([answer.statusCode, answer.headers["access-control-allow-origin"]]).toEqual([204, "https://page.example"]);
    expect(await report(app, `session=${session}`)).toHaveLength(1);
  });

  test("a POST without a body is a beacon; one with 64 kB and a byte is not", async () => {
    const app = await testApp({ query: database.query });
    const url = "/track/resume?session=sizes";
    expect((await app.inject({ method: "POST", url })).statusCode).toBe(204);
    const headers = { "content-type": "text/plain" };
    const fits = await app.inject({ method: "POST", url: `${url}&n=2`, headers, payload: "x".repeat(65_536) });
    const large = await app.inject({ method: "POST", url, headers, payload: "x".repeat(65_537) });
    const huge = await app.inject({ method: "POST", url, headers, payload: "x".repeat(10_000_000) });
    expect([fits.statusCode, large.statusCode, huge.statusCode]).toEqual([204, 413, 413]);
    expect(large.headers["access-control-allow-origin"]).toBe("*");
    expect(await report(app, "session=sizes")).toHaveLength(2);
  });

  test("an image element gets a 1×1 GIF", async () => {
    const app = await testApp({ query: database.query });
    const accept = "image/avif,image/webp,image/*,*/*;q=0.8";
    const answer = await app.inject({ url: "/track/impression", headers: { accept } });
    expect([answer.statusCode, answer.headers["content-type"]]).toEqual([200, "image/gif"]);
    const bytes = answer.rawPayload;
    expect([bytes.toString("latin1", 0, 6), bytes.readUInt16LE(6), bytes.readUInt16LE(8)]).toEqual(["GIF89a", 1, 1]);
  });

  test.each([
    ["/track/a%20b", "event: expected a name"],
    ["/track/adRequest?zone=1", "event: expected one that players tell"],
    ["/track/adSkipped?zone=1", "event: expected one that players tell"],
    [`/track/start?ad=${"x".repeat(501)}`, "ad: expected at most 500 characters, got "],
    ["/track/start?session=a%00b", "session: expected no control characters"],
    ["/track/start?session=a%0Ab", "session: expected no control characters"],
  ])("what cannot be stored is refused with a sentence (%#)", async (url, message) => {
    const app = await testApp({ query: database.query });
    const answer = await app.inject({ url });
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, "invalid-request"]);
    expect(answer.json().error.message).toContain(message);
  });

  test("what a player appends or fills in too long loses that value, not the impression", async () => {
    const app = await testApp({ query: database.query });
    const long = "x".repeat(520);
    const many = Array.from({ length: 25 }, (_, i) => `${i}=1`).join("&");
    const queries = [
      `asseturi=${long}`,
      `cb=${long}&t=${long}&playhead=${long}&error=${long}&n=${long}`,
      `${many}&v=me`,
    ];
    for (const query of [...queries, "%00=1&x=a%00b"])
      expect((await app.inject({ url: `/track/impression?session=long&ad=${query.length}&${query}` })).statusCode).toBe(
        204,
      );
    const [extras, macros, further, controls] = await report(app, "session=long");
    expect(extras?.["extra"]).toEqual({ asseturi: "x".repeat(500) });
    expect(macros).toMatchObject({ occurrence: 1, extra: {} });
    expect(further?.["extra"]).toMatchObject({ v: "me", "0": "1", "18": "1" });
    expect(Object.keys(further?.["extra"] ?? {})).toHaveLength(20);
    expect(controls?.["extra"]).toEqual({ "\uFFFD": "1", x: "a\uFFFDb" });
  });

  test("a thing may happen twenty times in one ad; what happens once to an ad happened once", async () => {
    const app = await testApp({ query: database.query });
    for (const n of [0, 2, 20, 21, 999]) {
      for (const event of ["pause", "impression", "skip", "error"])
        await app.inject({ url: `/track/${event}?session=often&n=${n}` });
    }
    const told = (await report(app, "session=often")).map(({ event, occurrence }) => [event, occurrence]);
    expect(told).toEqual([
      ["pause", 1],
      ["impression", 1],
      ["skip", 1],
      ["error", 1],
      ["pause", 2],
      ["pause", 20],
    ]);
  });

  test("of an ad's companions each is seen once, and may be clicked again", async () => {
    const app = await testApp({ query: database.query });
    const tell = async (event: string, query: string): Promise<unknown> =>
      app.inject({ url: `/track/${event}?session=companions&ad=a&${query}` });
    for (const creative of ["one", "two", "two"]) await tell("companionView", `creative=${creative}`);
    for (const n of [1, 2, 2]) await tell("companionClick", `creative=two&n=${n}`);
    const told = (await report(app, "session=companions")).map(({ event, creative, occurrence }) => [
      event,
      creative,
      occurrence,
    ]);
    expect(told).toEqual([
      ["companionView", "one", 1],
      ["companionView", "two", 1],
      ["companionClick", "two", 1],
      ["companionClick", "two", 2],
    ]);
  });

  test("of a parameter that is given twice the first counts, and __proto__ is a name like any other", async () => {
    const app = await testApp({ query: database.query });
    await app.inject({ url: "/track/start?session=twice&session=other&__proto__=x&constructor=y" });
    const [beacon] = await report(app, "session=twice");
    expect(beacon?.["extra"]).toMatchObject({ constructor: "y" });
    expect({}).not.toHaveProperty("x");
  });

  test("a HEAD stores nothing", async () => {
    const app = await testApp({ query: database.query });
    expect((await app.inject({ method: "HEAD", url: "/track/start?session=head" })).statusCode).toBe(404);
    expect(await report(app, "session=head")).toEqual([]);
  });

  test("a beacon that cannot be stored is not acknowledged", async () => {
    const append = async (): Promise<void> => Promise.reject(new Error("disk full"));
    const tracking = { ...testTracking(database), append };
    const app = await testApp({ query: database.query, tracking });
    const answer = await app.inject({ url: "/track/start" });
    const { code } = answer.json().error;
    expect([answer.statusCode, code, answer.body.includes("disk")]).toEqual([500, "internal", false]);
  });
});
