import { beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTestDatabase } from "../http/test-app.ts";
import { pick, reportWorld } from "./report-world.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

const DAY = "startDate=2026-11-21&endDate=2026-11-21";

describe("GET /report, what strangers and servers tell", () => {
  test("an impression that a stranger made up neither counts nor takes the place of the viewer's own", async () => {
    const { track, rows } = await reportWorld(database.query);
    const place = "zone=1&session=taken&break=b&position=1&ad=made&li=sold&creative=";
    await track("impression", `${place}other&sig=`);
    await track("impression", `${place}shown`);
    expect(pick(await rows(`${DAY}&groupBy=creative&filters=ad=made`), "creative", "total_impressions")).toEqual([
      ["shown", 1],
    ]);
  });

  test("strangers, whatever they write, make one row of an hour for each event that reports know", async () => {
    const { at, track, rows } = await reportWorld(database.query);
    at("2026-10-05T10:00:00Z");
    for (const [i, sig] of ["", "changed", "", "changed"].entries()) {
      await track("impression", `zone=none-${i}&creative=c${i}&ad=a${i}&li=l${i}&up=u${i}&sig=${sig}`);
      await track(`made-up-${i}`, `zone=1&error=${1000 + i}&sig=${sig}`);
    }
    const of = "zone, event, creative, ad, line_item, upstream, error, mark";
    const query = `select concat_ws('|', ${of}) as row, count::integer from tracking_hour
      where hour < '2026-10-06' and hour >= '2026-10-05' order by 1`;
    const count = rows("endDate=2026-10-05&marks=all");
    expect(pick(await count, "total_impressions")).toEqual([[4]]);
    expect(await database.query(query)).toEqual([
      { row: "1||||||0|forged", count: 2 },
      { row: "1||||||0|unsigned", count: 2 },
      { row: "|impression|||||0|forged", count: 2 },
      { row: "|impression|||||0|unsigned", count: 2 },
    ]);
  });

  test("an ad without an id has its place for a name, and is lost like any", async () => {
    const { note, track, rows } = await reportWorld(database.query);
    note({
      event: "adSkipped",
      zone: "nameless",
      session: "s",
      breakId: "b",
      position: 2,
      ad: "",
      creative: "c",
      reason: "policy",
    });
    await track("error", "zone=nameless&session=s&break=b&position=1&ad=&error=407");
    await track("error", "zone=nameless&session=s&break=b&position=0&ad=&error=407");
    expect(pick(await rows(`${DAY}&groupBy=ad&filters=zone=nameless`), "ad", "lostImpressions")).toEqual([
      ["", 0],
      ["#1", 1],
      ["#2", 1],
    ]);
  });

  test("an id that was cut in two, or has characters that no database takes, costs no row", async () => {
    const { note, track, rows } = await reportWorld(database.query);
    const place = { zone: "cut", session: "s", breakId: "b", position: 1, creative: "c\u0000" };
    note({ event: "adOffered", ...place, ad: `${"x".repeat(499)}😀`.slice(0, 500) });
    note({ event: "adSkipped", ...place, ad: `${"y".repeat(600)}`, reason: "policy" });
    // Behind the notes in the journal
    await track("start", "zone=elsewhere");
    const lines = await rows(`${DAY}&groupBy=ad,creative&filters=zone=cut`);
    expect(pick(lines, "ad", "creative", "adsOffered", "lostImpressions")).toEqual([
      [`${"x".repeat(499)}\uFFFD`, "c\uFFFD", 1, 0],
      ["y".repeat(500), "c\uFFFD", 0, 1],
    ]);
  });

  test("an ad that was left out is one error, whether its player or its server told it first", async () => {
    const { note, track, rows } = await reportWorld(database.query);
    const told = { event: "adSkipped", zone: "order", session: "s", breakId: "b", ad: "a", creative: "" } as const;
    const tell = (position: number): Promise<void> =>
      track("error", `zone=order&session=s&break=b&position=${position}&ad=a&error=407&reason=new-creative`);
    await tell(1);
    note({ ...told, position: 1, reason: "new-creative" });
    note({ ...told, position: 2, reason: "new-creative" });
    await tell(2);
    // Of this no VAST error tells.
    note({ ...told, position: 3, reason: "early-return" });
    await track("start", "zone=elsewhere");
    expect(pick(await rows(`${DAY}&filters=zone=order`), "errors", "errorsByNumber", "lostImpressions")).toEqual([
      [2, { "407": 2 }, 3],
    ]);
  });

  test("an ad that is not shown is lost once, by the reason or, where nobody told one, by its VAST number", async () => {
    const { note, track, rows } = await reportWorld(database.query);
    const ad = (position: number, ad = "a"): string => `zone=lost&session=s&break=b&position=${position}&ad=${ad}`;
    await track("error", `${ad(1)}&error=407&reason=new-creative`);
    await track("error", `${ad(2)}&error=407&reason=[INTERLUDE_REASON]`);
    // A fault that is not one of leaving an ad out, and a fault of the break.
    await track("error", `${ad(3)}&error=400`);
    await track("error", "zone=lost&session=s&break=b&position=0&error=303&reason=no-ads");
    await track("error", ad(4));
    const place = { zone: "lost", session: "s", breakId: "b", creative: "" };
    for (const position of [1, 5]) note({ event: "adSkipped", ...place, position, ad: "a", reason: "new-creative" });
    note({ event: "adSkipped", ...place, position: 6, ad: "a", reason: "policy" });
    await track("start", "zone=lost");
    const [line] = await rows(`${DAY}&filters=zone=lost`);
    expect(line).toMatchObject({
      errors: 6,
      errorsByNumber: { "303": 1, "400": 1, "407": 3, unknown: 1 },
      skipReasons: { "new-creative": 2, "no-ads": 1, policy: 1, "vast-407": 1 },
      lostImpressions: 4,
      lostByReason: { "new-creative": 2, policy: 1, "vast-407": 1 },
    });
    expect(pick(await rows(`${DAY}&groupBy=reason&filters=zone=lost`), "reason", "lostImpressions")).toEqual([
      ["", 0],
      ["new-creative", 2],
      ["no-ads", 0],
      ["policy", 1],
      ["vast-407", 1],
    ]);
    expect(
      pick(
        await rows(`${DAY}&groupBy=error&filters=zone=lost;reason=new-creative,vast-407`),
        "error",
        "lostImpressions",
      ),
    ).toEqual([["407", 3]]);
  });
});
