import { beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTestDatabase } from "../http/test-app.ts";
import { BROWSER } from "./browser.ts";
import { pick, reportWorld } from "./report-world.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

const DAY = "startDate=2026-11-21&endDate=2026-11-21";

describe("GET /report", () => {
  test("a beacon is counted when it is answered, and once however often it is told", async () => {
    const { track, rows } = await reportWorld(database.query);
    const place = "zone=once&session=s&break=b&position=1&ad=a";
    expect(await rows(`${DAY}&filters=zone=once`)).toEqual([]);
    await track("impression", place);
    expect(pick(await rows(`${DAY}&filters=zone=once`), "total_impressions")).toEqual([[1]]);
    await track("impression", place);
    // A viewer who holds one URL of ours does not make more of it: an ad is shown once, and clicked more than once
    await track("impression", `${place}&n=2`);
    await track("click", place);
    await track("click", `${place}&n=2`);
    await track("click", `${place}&n=2`);
    expect(pick(await rows(`${DAY}&filters=zone=once`), "total_impressions", "clicks")).toEqual([[1, 2]]);
  });

  test("who is no viewer counts only where marks ask for it", async () => {
    const { track, rows } = await reportWorld(database.query);
    const place = "zone=marks&break=b&position=1&ad=a&session=";
    await track("impression", `${place}1`);
    await track("impression", `${place}2`, { "user-agent": "Googlebot/2.1 (+http://www.google.com/bot.html)" });
    await track("impression", `${place}3`, { ...BROWSER, "sec-purpose": "prefetch" });
    const stranger = place.replace("marks", "1");
    await track("impression", `${stranger}4&sig=changed`);
    await track("impression", `${stranger}5&sig=`);
    const count = async (marks: string): Promise<unknown> =>
      (await rows(`${DAY}&filters=zone_id=marks,1${marks}`))[0]?.["total_impressions"];
    expect([await count(""), await count("&marks=bot"), await count("&marks=prefetch,bot")]).toEqual([1, 2, 3]);
    expect([await count("&marks=unsigned"), await count("&marks=all")]).toEqual([2, 5]);
  });

  test.each([
    ["y", ["2025", "2026"]],
    ["m", ["12-2025", "01-2026", "02-2026"]],
    ["d", ["12-31-2025", "01-01-2026", "02-01-2026"]],
    ["h", ["12-31-2025 23:00", "01-01-2026 00:00", "02-01-2026 05:00"]],
  ])("by %s, dates are as Primetime prints them, in the order of time", async (period, dates) => {
    const { at, track, rows } = await reportWorld(database.query);
    const zone = `by-${period}`;
    for (const time of ["2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00Z", "2026-02-01T05:10:00Z"]) {
      at(time);
      await track("impression", `zone=${zone}`);
    }
    const lines = await rows(`startDate=2025-12-31&endDate=2026-02-01&groupBy=${period}&filters=zone=${zone}`);
    expect(pick(lines, "dates")).toEqual(dates.map((date) => [date]));
  });

  test("days are those of UTC, or of a place so many hours ahead of it", async () => {
    const { at, track, rows } = await reportWorld(database.query);
    for (const time of [
      "2026-03-01T07:59:59Z",
      "2026-03-01T08:00:00Z",
      "2026-03-02T07:59:59Z",
      "2026-03-02T08:00:00Z",
    ]) {
      at(time);
      await track("impression", "zone=offset");
    }
    const count = async (query: string): Promise<unknown> =>
      pick(await rows(`groupBy=d&filters=zone=offset&${query}`), "dates", "total_impressions");
    expect(await count("endDate=2026-03-01")).toEqual([["03-01-2026", 2]]);
    expect(await count("endDate=2026-03-01&utcOffset=-8")).toEqual([["03-01-2026", 2]]);
    expect(await count("startDate=2026-02-28&endDate=2026-03-01&utcOffset=-8")).toEqual([
      ["02-28-2026", 1],
      ["03-01-2026", 2],
    ]);
  });

  test("an ad configuration is a zone; metaData gives it its name, by which it can be filtered", async () => {
    const { track, rows } = await reportWorld(database.query);
    for (const zone of ["config-1", "config-2", "config-2"]) await track("impression", `zone=${zone}`);
    const filters = "filters=ad_config_id=config-1,config-2";
    expect(
      pick(
        await rows(`${DAY}&groupBy=ad_config_id,m&${filters}`),
        "dates",
        "ad_config_id",
        "name",
        "total_impressions",
      ),
    ).toEqual([
      ["11-2026", "config-1", undefined, 1],
      ["11-2026", "config-2", undefined, 2],
    ]);
    const named = await rows(`${DAY}&groupBy=ad_config_id&metaData=true&filters=name=config-2`);
    expect(pick(named, "ad_config_id", "name", "total_impressions", "dates")).toEqual([
      ["config-2", "config-2", 2, undefined],
    ]);
  });

  test("rows are of what was asked for, in its order, and of all that fits every filter", async () => {
    const { track, rows } = await reportWorld(database.query);
    const tell = async (creative: string, ad: string, more = ""): Promise<void> =>
      track("impression", `zone=dimensions&creative=${creative}&ad=${ad}${more}`);
    await tell("c1", "a1", "&li=line");
    await tell("c1", "a2", "&up=first");
    await tell("c2", "a1");
    const ask = async (query: string, ...names: readonly string[]): Promise<unknown> =>
      pick(await rows(`${DAY}&${query}`), ...names, "total_impressions");
    expect(await ask("groupBy=ad,creative&filters=zone=dimensions", "ad", "creative")).toEqual([
      ["a1", "c1", 1],
      ["a1", "c2", 1],
      ["a2", "c1", 1],
    ]);
    expect(await ask("groupBy=lineItem,upstream&filters=zone=dimensions", "lineItem", "upstream")).toEqual([
      ["", "", 1],
      ["", "first", 1],
      ["line", "", 1],
    ]);
    expect(await ask("groupBy=ad&filters=zone=dimensions;creative=c1;ad=a1,a2", "ad")).toEqual([
      ["a1", 1],
      ["a2", 1],
    ]);
    expect(await ask("filters=zone=dimensions;creative=c2;ad=a2")).toEqual([]);
    expect(await ask("filters=zone=dimensions;upstream=")).toEqual([[2]]);
  });

  test("a stranger's id with the signs of a filter in it is found when it is encoded once more", async () => {
    const { track, rows } = await reportWorld(database.query);
    const ad = "a,b;c=d%' or 1=1 --";
    await track("impression", `zone=signs&ad=${encodeURIComponent(ad)}`);
    await track("impression", "zone=signs&ad=a");
    const filters = encodeURIComponent(`zone=signs;ad=${encodeURIComponent(ad)}`);
    expect(pick(await rows(`${DAY}&groupBy=ad&filters=${filters}`), "ad", "total_impressions")).toEqual([[ad, 1]]);
  });

  test("a funnel, its completion, and clicks", async () => {
    const { track, rows } = await reportWorld(database.query);
    const counts = {
      impression: 4,
      start: 3,
      firstQuartile: 3,
      midpoint: 2,
      thirdQuartile: 2,
      complete: 1,
      skip: 1,
      click: 2,
    };
    for (const [event, count] of Object.entries(counts))
      for (let n = 1; n <= count; n += 1) await track(event, `zone=funnel&session=${n}&ad=a`);
    await track("somethingElse", "zone=funnel&session=s&ad=a");
    const [line] = await rows(`${DAY}&filters=zone=funnel`);
    expect(line).toEqual({
      total_impressions: 4,
      starts: 3,
      firstQuartiles: 3,
      midpoints: 2,
      thirdQuartiles: 2,
      completes: 1,
      completionRate: 0.3333,
      skips: 1,
      clicks: 2,
      adRequests: 0,
      noFills: 0,
      fillRate: null,
      adsOffered: 0,
      renderRate: null,
      errors: 0,
      errorsByNumber: {},
      skipReasons: {},
      lostImpressions: 0,
      lostByReason: {},
      savedImpressions: 0,
      savedByStep: {},
      lostToFormat: 0,
      firstEncounterFill: null,
    });
  });

  test("an impression at a first encounter is saved, once, by the step that its player tells", async () => {
    const { app, note, track, rows } = await reportWorld(database.query);
    const show = (session: number, reason: string): Promise<void> =>
      track("impression", `zone=saved&session=${session}&break=b&position=1&ad=a${reason}`);
    for (const [session, reason] of ["remux", "wait", "remux", "", "skip", "new-creative"].entries())
      await track("impression", `zone=saved&session=${session}&break=b&position=1&ad=a&reason=${reason}`);
    await show(0, "&reason=wait");
    await show(7, "");
    await track("impression", "zone=saved&session=bot&break=b&position=1&ad=a&reason=remux", {
      "user-agent": "Googlebot/2.1 (+http://www.google.com/bot.html)",
    });
    await show(8, "&reason=[INTERLUDE_ENCOUNTER]");
    await track("start", "zone=saved&session=9&break=b&position=1&ad=a&reason=remux");
    const place = { zone: "saved", session: "s", breakId: "b", ad: "a", creative: "" };
    for (const [index, reason] of (["new-creative", "repackage-in-progress", "policy"] as const).entries())
      note({ event: "adSkipped", ...place, position: index + 1, reason });
    await track("error", "zone=saved&session=s&break=b&position=4&ad=a&error=407");
    await track("error", "zone=saved&session=s&break=b&position=0&ad=&error=407");
    const names = ["total_impressions", "savedImpressions", "savedByStep", "lostToFormat", "firstEncounterFill"];
    const lines = await rows(`${DAY}&filters=zone=saved`);
    expect(pick(lines, ...names)).toEqual([[8, 3, { remux: 2, wait: 1 }, 3, 0.5]]);
    expect(pick(lines, "skipReasons")).toEqual([
      [{ "new-creative": 1, "repackage-in-progress": 1, policy: 1, "vast-407": 2 }],
    ]);
    const byReason = await rows(`${DAY}&groupBy=reason&filters=zone=saved&orderBy=savedImpressions`);
    expect(pick(byReason, "reason", "savedImpressions")[0]).toEqual(["", 3]);
    const metrics = (await app.inject({ url: "/metrics" })).body;
    expect(metrics).toContain('interlude_saved_impressions_total{step="remux"} 2\n');
    expect(metrics).toContain('interlude_saved_impressions_total{step="wait"} 1\n');
    expect(metrics).toContain("interlude_impressions_lost_to_format_total 3\n");
  });

  test("fill: requests that got an ad, and ads offered that were shown", async () => {
    const { note, track, rows } = await reportWorld(database.query);
    const place = { zone: "fill", session: "s", breakId: "b", upstream: "first" };
    note({ event: "adRequest", ...place, adsOffered: 2 });
    note({ event: "adRequest", ...place, adsOffered: 0 });
    note({ event: "adRequest", ...place, upstream: "second", adsOffered: 0 });
    for (const position of [1, 2]) note({ event: "adOffered", ...place, position, ad: "a", creative: "c" });
    await track("impression", "zone=fill&session=s&break=b&position=1&ad=a&up=first");
    const lines = await rows(`${DAY}&groupBy=upstream&filters=zone=fill`);
    expect(pick(lines, "upstream", "adRequests", "noFills", "fillRate", "adsOffered", "renderRate")).toEqual([
      ["first", 2, 1, 0.5, 2, 0.5],
      ["second", 1, 1, 0, 0, null],
    ]);
    expect(pick(lines, "lostImpressions", "lostByReason")).toEqual([
      [0, {}],
      [0, {}],
    ]);
  });

  test("rows with the highest count come first where it is asked for, equal ones in their own order", async () => {
    const { track, rows } = await reportWorld(database.query);
    const ads = ["a", "b", "b", "c", "d", "d", "d"];
    for (const [n, ad] of ads.entries()) await track("click", `zone=highest&session=${n}&ad=${ad}`);
    const query = `${DAY}&groupBy=ad&filters=zone=highest&orderBy=clicks`;
    expect(pick(await rows(query), "ad", "clicks")).toEqual([
      ["d", 3],
      ["b", 2],
      ["a", 1],
      ["c", 1],
    ]);
    expect(pick(await rows(`${query}&size=2&page=1`), "ad")).toEqual([["a"], ["c"]]);
  });

  test("pages of a report are its rows in order; beyond the last there is none", async () => {
    const { track, rows, ask } = await reportWorld(database.query);
    for (const ad of ["a", "b", "c"]) await track("impression", `zone=pages&ad=${ad}`);
    const query = `${DAY}&groupBy=ad&filters=zone=pages`;
    const page = async (number: number): Promise<unknown> => pick(await rows(`${query}&size=2&page=${number}`), "ad");
    expect([await page(0), await page(1), await page(2)]).toEqual([[["a"], ["b"]], [["c"]], []]);
    const answer = await ask(`${query}&size=2&page=7`);
    expect([answer.json().totalRows, answer.headers["x-total-count"]]).toEqual([3, "3"]);
    expect(await rows(`${query}&size=2&page=1&unpaged=true`)).toHaveLength(3);
  });

  test.each(["groupBy=reason", "groupBy=d,error", "filters=reason=new-creative", "filters=error=407"])(
    "rows of %s have no first-encounter fill, since what is saved has neither reason nor number",
    async (asked) => {
      const { track, rows } = await reportWorld(database.query);
      await track("impression", "zone=faults&session=s&break=b&position=1&ad=a&reason=remux");
      await track("error", "zone=faults&session=s&break=b&position=2&ad=a&error=407&reason=new-creative");
      const lines = await rows(`${DAY}&${asked}`);
      expect(lines.length).toBeGreaterThan(0);
      expect(new Set(pick(lines, "firstEncounterFill").flat())).toEqual(new Set([null]));
    },
  );

  test("who accepts text/csv gets the same counts as columns, Primetime's first", async () => {
    const { track, ask } = await reportWorld(database.query);
    const place = "zone=csv&session=s&break=b&ad=";
    await track("impression", `${place}${encodeURIComponent('=HYPERLINK("x")')}&reason=remux`);
    await track("error", `${place}a&position=1&error=407&reason=new-creative`);
    await track("error", `${place}a&position=2&error=401`);
    const answer = await ask(`${DAY}&groupBy=d,ad,zone&metaData=true&filters=zone=csv`, { accept: "text/csv" });
    expect(answer.headers).toMatchObject({
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": 'attachment; filename="report-2026-11-21.csv"',
      "x-total-count": "2",
      "cache-control": "no-store",
    });
    expect(answer.body.split("\r\n")).toEqual([
      "dates,ad,zone,name,total_impressions,starts,firstQuartiles,midpoints,thirdQuartiles,completes,completionRate,skips,clicks," +
        "adRequests,noFills,fillRate,adsOffered,renderRate,errors,errorsByNumber,skipReasons,lostImpressions,lostByReason," +
        "savedImpressions,savedByStep,lostToFormat,firstEncounterFill",
      `11-21-2026,"'=HYPERLINK(""x"")",csv,csv,1,0,0,0,0,0,,0,0,0,0,,0,,0,,,0,,1,remux=1,0,1`,
      '11-21-2026,a,csv,csv,0,0,0,0,0,0,,0,0,0,0,,0,,2,"401=1;407=1","new-creative=1;vast-401=1",2,"new-creative=1;vast-401=1",0,,1,0',
      "",
    ]);
  });
});
