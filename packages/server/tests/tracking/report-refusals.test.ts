import { beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTestDatabase, TOKEN } from "../http/test-app.ts";
import { readReportRequest } from "../../src/tracking/report-request.ts";
import { reportWorld } from "./report-world.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

const NOW = Date.parse("2026-11-21T10:00:00Z");
const DAY = "startDate=2026-11-21&endDate=2026-11-21";

describe("GET /report", () => {
  test.each([
    ["4001013", "startDate=2026-11-21", "endDate: expected YYYY-MM-DD, got nothing"],
    ["4001011", "endDate=21-11-2026", 'endDate: expected a day as YYYY-MM-DD, got "21-11-2026"'],
    ["4001011", "endDate=2026-02-30", "endDate: expected a day"],
    ["4001011", "startDate=2026-11-21T00:00:00Z&endDate=2026-11-21", "startDate: expected a day"],
    ["4001012", "startDate=2026-11-21&endDate=2026-11-20", "endDate: expected not to be before startDate"],
    ["4001012", "endDate=2026-11-22", "endDate: expected not to be after today"],
    ["4001014", `${DAY}&filters=zone_id=`, "filters: expected a zone in zone_id, got none"],
    ["4001015", `${DAY}&filters=session=1`, "filters: expected one of ad_config_id, zone_id"],
    ["4001015", `${DAY}&filters=name=1`, "name needs metaData=true"],
    ["4001015", `${DAY}&filters=zone=1;zone=2`, "filters: expected each key once, got zone again"],
    ["4001015", `${DAY}&filters=ad`, 'filters: expected key=value, got "ad"'],
    ["4001015", `${DAY}&filters=ad=%25`, "filters: expected % to be written as %25"],
    ["4001015", `${DAY}&filters=ad=%2500`, "filters: expected at most 500 characters and no control characters"],
    [
      "4001015",
      `${DAY}&filters=ad=${Array.from({ length: 201 }, () => "x").join()}`,
      "filters: expected at most 200 values, got 201",
    ],
    ["4001016", `${DAY}&groupBy=session`, "groupBy: expected y|m|d|h and any of ad_config_id"],
    ["4001016", `${DAY}&groupBy=d,m`, "groupBy: expected one of y|m|d|h, got d,m"],
    ["4001016", `${DAY}&groupBy=ad,ad`, "groupBy: expected each once"],
    ["4001016", `${DAY}&groupBy=constructor`, "groupBy: expected"],
    [
      "4001017",
      `${DAY}&filters=ad_config_id=1%20or%201`,
      'filters: expected the id of a zone in ad_config_id, got "1 or 1"',
    ],
    [undefined, `${DAY}&size=0`, 'size: expected a whole number from 1 to 10000, got "0"'],
    [undefined, `${DAY}&page=1.5`, "page: expected a whole number"],
    [undefined, `${DAY}&metaData=yes`, 'metaData: expected true or false, got "yes"'],
    [undefined, `${DAY}&orderBy=name`, "orderBy: expected the name of a count"],
    [undefined, `${DAY}&marks=human`, "marks: expected some of bot, prefetch, forged, unsigned or all"],
    [undefined, `${DAY}&utcOffset=15`, "utcOffset: expected a whole number from -12 to 14"],
    [undefined, `${DAY}&endDate=2026-11-20`, "endDate: expected to be given once"],
  ])("refuses with Primetime's number %s and a sentence: %s", (number, search, message) => {
    const parameters = new URLSearchParams(search);
    const query = Object.fromEntries(
      [...new Set(parameters.keys())].map((name) => {
        const values = parameters.getAll(name);
        return [name, values.length > 1 ? values : values[0]];
      }),
    );
    const expected = expect.objectContaining({
      number,
      code: "invalid-request",
      message: expect.stringContaining(message),
    });
    expect(() => readReportRequest(query, NOW)).toThrow(expected);
  });

  test("a refusal has Primetime's form and that of this server, also for a format that there is not", async () => {
    const { ask } = await reportWorld(database.query);
    const answer = await ask("startDate=2026-11-21");
    const message = "endDate: expected YYYY-MM-DD, got nothing; GET /report/beacons lists beacons one by one";
    const error = { code: "invalid-request", message };
    expect([answer.statusCode, answer.json()]).toEqual([400, { error_code: "4001013", message, error }]);
    const format = await ask(`${DAY}&format=xml`);
    expect([format.statusCode, format.json().error_code]).toEqual([400, undefined]);
    expect(format.json().message).toBe('format: expected json or csv, got "xml"');
  });

  test("whoever asks eleven times at once gets five answers, one refusal, and five when their time has come or the server goes", async () => {
    const { app } = await reportWorld(database.query);
    const headers = { authorization: `Bearer ${TOKEN}` };
    let answered = 0;
    const ask = async (): Promise<number> => {
      const { statusCode } = await app.inject({ url: `/report?${DAY}`, headers });
      answered += 1;
      return statusCode;
    };
    const first = await Promise.all(Array.from({ length: 5 }, ask));
    const waiting = Array.from({ length: 5 }, ask);
    const refused = await app.inject({ url: `/report?${DAY}`, headers });
    expect([refused.statusCode, refused.headers["retry-after"], refused.json().error.code]).toEqual([
      429,
      "5",
      "quota-exceeded",
    ]);
    expect([first, answered]).toEqual([[200, 200, 200, 200, 200], 5]);
    const beacons = await app.inject({ url: "/report/beacons?limit=1", headers });
    expect(beacons.statusCode).toBe(200);
    await app.close();
    expect(await Promise.all(waiting)).toEqual([200, 200, 200, 200, 200]);
  });

  test("needs the token; a database that fails is told without its words", async () => {
    const { app } = await reportWorld(database.query);
    for (const authorization of ["", `Basic ${TOKEN}`, "Bearer wrong"]) {
      const answer = await app.inject({ url: `/report?${DAY}`, headers: { authorization } });
      expect([answer.statusCode, answer.json().error_code, answer.json().error.code]).toEqual([
        401,
        "4001007",
        "unauthorized",
      ]);
    }
    const failing = await reportWorld(async () => Promise.reject(new Error("password of the database")));
    const answer = await failing.ask(DAY);
    expect([answer.statusCode, answer.json().error_code, answer.body.includes("password")]).toEqual([
      500,
      "5001010",
      false,
    ]);
  });
});
