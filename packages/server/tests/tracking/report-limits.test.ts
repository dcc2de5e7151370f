/** What reports and lists may take of a database that others need as well. */
import { beforeAll, expect, test } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { readReportRequest } from "../../src/tracking/report-request.ts";
import { openTestDatabase, testApp, testTracking, TOKEN } from "../http/test-app.ts";
import { NOON, trackingWorld } from "./tracking-world.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

test("lists and reports are read in transactions, so that the database ends what takes too long", async () => {
  const query = (): Promise<never> => Promise.reject(new Error("outside of a transaction"));
  const tracking = trackingWorld(database).open({ database: { ...database, query } });
  expect(await tracking.list({ limit: 1 })).toEqual([]);
  const asked = readReportRequest({ endDate: "2026-11-21" }, NOON.getTime());
  expect(await tracking.report(asked)).toEqual({ rows: [], totalRows: 0 });
});

test("reports are made one at a time, and one that fails holds up no other", async () => {
  let [under, most, made] = [0, 0, 0];
  const report = async (): Promise<{ rows: []; totalRows: number }> => {
    under += 1;
    most = Math.max(most, under);
    await new Promise(setImmediate);
    under -= 1;
    made += 1;
    if (made === 1) throw new Error("canceling statement due to statement timeout");
    return { rows: [], totalRows: 0 };
  };
  const app = await testApp({ query: database.query, tracking: { ...testTracking(database), report } });
  const url = `/report?endDate=${new Date().toISOString().slice(0, 10)}`;
  const asked = Array.from({ length: 4 }, () => app.inject({ url, headers: { authorization: `Bearer ${TOKEN}` } }));
  expect((await Promise.all(asked)).map(({ statusCode }) => statusCode)).toEqual([500, 200, 200, 200]);
  expect(most).toBe(1);
});
