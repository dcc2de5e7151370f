import type { FastifyInstance } from "fastify";
import { beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { formatCsv } from "../../src/tracking/csv.ts";
import { openTestDatabase, testApp, testTracking, TOKEN } from "../http/test-app.ts";

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

describe("GET /report/beacons", () => {
  test("needs the token", async () => {
    const app = await testApp({ query: database.query });
    const forms = [undefined, "Bearer wrong", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, "Bearer"];
    for (const form of forms) {
      const answer = await app.inject({
        url: "/report/beacons",
        headers: form === undefined ? {} : { authorization: form },
      });
      expect([answer.statusCode, answer.json().error.code]).toEqual([401, "unauthorized"]);
      expect(answer.headers["www-authenticate"]).toBe('Bearer realm="interlude"');
    }
    const query = await app.inject({ url: `/report/beacons?token=${TOKEN}` });
    expect(query.statusCode).toBe(401);
  });

  test("is filtered, in order of arrival, and goes on after an id", async () => {
    const app = await testApp({ query: database.query });
    for (const event of ["impression", "start", "complete"])
      await app.inject({ url: `/track/${event}?session=pages&zone=7` });
    await app.inject({ url: "/track/start?session=pages&zone=8" });
    const events = async (query: string): Promise<unknown> =>
      (await report(app, query)).map((beacon) => beacon["event"]);
    expect(await events("session=pages&zone=7")).toEqual(["impression", "start", "complete"]);
    expect(await events("session=pages&event=start")).toEqual(["start", "start"]);
    const [first, second] = await report(app, "session=pages&limit=2");
    expect(first?.["event"]).toBe("impression");
    expect(await events(`session=pages&after=${String(second?.["id"])}`)).toEqual(["complete", "start"]);
    expect(await report(app, "session=nobody")).toEqual([]);
  });

  test("without a session is of yesterday and today, or of seven days that are named", async () => {
    let now = Date.parse("2026-09-10T12:00:00Z");
    const app = await testApp({ query: database.query, now: () => now });
    for (const day of ["10", "12", "13"]) {
      now = Date.parse(`2026-09-${day}T12:00:00Z`);
      await app.inject({ url: `/track/start?zone=days&session=days&ad=${day}` });
    }
    const days = async (query: string): Promise<unknown> => (await report(app, query)).map((beacon) => beacon["ad"]);
    expect(await days("zone=days")).toEqual(["12", "13"]);
    expect(await days("zone=days&startDate=2026-09-07")).toEqual(["10", "12", "13"]);
    expect(await days("zone=days&endDate=2026-09-11")).toEqual(["10"]);
    expect(await days("session=days")).toEqual(["10", "12", "13"]);
    expect(await days("session=days&endDate=2026-09-12")).toEqual(["10", "12"]);
    const nobodys = "session=&startDate=2026-09-06";
    for (const query of [
      nobodys,
      "startDate=2026-09-06",
      "startDate=2026-09-14",
      "endDate=2026-02-30",
      "endDate=0000-01-01",
    ]) {
      const answer = await app.inject({ url: `/report/beacons?zone=days&${query}`, headers: { authorization } });
      expect([query, answer.statusCode, answer.json().error.code]).toEqual([query, 400, "invalid-request"]);
    }
  });

  test("is searched one at a time, and as seldom as reports are made; a session's are found by index", async () => {
    let [under, most] = [0, 0];
    const list = async (): Promise<[]> => {
      under += 1;
      most = Math.max(most, under);
      await new Promise(setImmediate);
      under -= 1;
      return [];
    };
    const tracking = { ...testTracking(database), list };
    const app = await testApp({ query: database.query, tracking });
    const ask = async (query: string): Promise<number> =>
      (await app.inject({ url: `/report/beacons?${query}`, headers: { authorization } })).statusCode;
    const searches = Array.from({ length: 11 }, () => ask("zone=1"));
    expect(await Promise.race(searches.slice(10))).toBe(429);
    expect(await Promise.all(searches.slice(0, 5))).toEqual([200, 200, 200, 200, 200]);
    expect(most).toBe(1);
    expect(await Promise.all(Array.from({ length: 12 }, () => ask("session=1")))).toEqual(Array(12).fill(200));
    // Lets those go that were made to wait.
    await app.close();
  });

  test("as CSV a stranger's formula is a text", async () => {
    const app = await testApp({ query: database.query });
    const ad = encodeURIComponent('=HYPERLINK("http://evil.example";"x")');
    await app.inject({ url: `/track/start?session=csv&ad=${ad}&creative=%2B1&playhead=1.5&x=1` });
    const answer = await app.inject({ url: "/report/beacons?session=csv&format=csv", headers: { authorization } });
    expect(answer.headers["content-type"]).toBe("text/csv; charset=utf-8");
    expect(answer.headers["content-disposition"]).toContain("attachment");
    const [header, row, end] = answer.body.split("\r\n");
    expect(header).toBe(
      "id,receivedAt,event,zone,session,break,position,ad,creative,lineItem,upstream,occurrence,sentAt,skewMs,playhead," +
        "contentPlayhead,error,reason,amount,signature,mark,extra",
    );
    expect(row).toContain(
      `,"'=HYPERLINK(""http://evil.example"";""x"")",'+1,,,1,,,1.5,,,,0,unsigned,bot,"{""x"":""1""}"`,
    );
    expect(end).toBe("");
  });

  test.each(["=1", "+1", "-1", "@x", "|x", "%x", "\t=1", " =1", "＝1", "\r=1"])(
    "cell %j cannot start a formula",
    (cell) => {
      const [, line = ""] = formatCsv(["h"], [[cell]]).split(/\r\n(.*)/s);
      expect(line.replace(/^"/, "").startsWith("'")).toBe(true);
    },
  );

  test("numbers, empty cells, quotes and line breaks are as RFC 4180 has them", () => {
    expect(
      formatCsv(
        ["a", "b", "c"],
        [
          [-1, undefined, 'x "y"'],
          ["l1\nl2", "a,b", ""],
        ],
      ),
    ).toBe('a,b,c\r\n-1,,"x ""y"""\r\n"l1\nl2","a,b",\r\n');
  });
});
