import { beforeAll, describe, expect, test } from "vitest";
import { storeDeliveries } from "../../../src/ads/campaign/delivery-store.ts";
import type { Database } from "../../../src/database/database.ts";
import type { Beacon } from "../../../src/tracking/beacon.ts";
import { openTestDatabase } from "../../http/test-app.ts";
import { countHours, trackingWorld, viewerBeacon } from "../../tracking/tracking-world.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

function impression(zone: string, session: string): Beacon {
  const query = { zone, session, break: "mid", position: "1", ad: "a", li: zone };
  return { ...viewerBeacon("impression", query), signature: "signed" };
}

async function total(lineItem: string): Promise<number> {
  const [row] = await database.query<{ readonly impressions: number }>(
    "select impressions::integer as impressions from delivery_total where line_item = $1",
    [lineItem],
  );
  return row?.impressions ?? 0;
}

describe("impressions of a goal", () => {
  test("that a process acknowledged and could not load are counted by the next one that finds its journal", async () => {
    const { open } = trackingWorld(database);
    const dead = new Error("the database went, and the process with it");
    const first = open({ database: { ...database, transaction: () => Promise.reject(dead) }, stored: storeDeliveries });
    for (const session of ["a", "b", "b", "c"]) await first.append(impression("left", session));
    await first.close();
    expect(await total("left")).toBe(0);
    const next = open({ stored: storeDeliveries });
    next.start();
    await next.settle();
    expect([await total("left"), await countHours(database, "left")]).toEqual([3, { impression: 3 }]);
  });

  test("are as many as the report has, where the transaction that counts both fails half-way", async () => {
    const { open } = trackingWorld(database);
    let isFull = true;
    const tracking = open({
      stored: async (tx, beacons) => {
        await storeDeliveries(tx, beacons);
        if (isFull) throw new Error("no room");
      },
    });
    for (const session of ["a", "b", "a"]) await tracking.append(impression("torn", session));
    await expect(tracking.settle()).rejects.toThrow("no room");
    expect([await total("torn"), await countHours(database, "torn")]).toEqual([0, {}]);
    isFull = false;
    await tracking.settle();
    expect([await total("torn"), await countHours(database, "torn")]).toEqual([2, { impression: 2 }]);
  });
});
