/** An outbox in a process of its own: takes in some beacons for one origin, says so, and sends them until it is killed. */
import { openDatabase } from "../../src/database/database.ts";
import { createGuardedFetch } from "../../src/guarded-fetch.ts";
import { createManifestFetch } from "../../src/manifest/own-fetch.ts";
import { createOutbox } from "../../src/manifest/tracking/outbox.ts";
import { createDatabaseOutbox } from "../../src/manifest/tracking/outbox-database.ts";
import { createBeaconSend } from "../../src/manifest/tracking/outbox-send.ts";

const [directory = "", origin = "", count = "", databaseUrl] = process.argv.slice(2);
const database = await openDatabase({ databaseUrl, directory });
const guarded = createGuardedFetch({ allowPrivate: [new URL(origin).host] });
const own = (): Promise<never> => Promise.reject(new Error("expected no address of this server"));
const fetch = createManifestFetch({ fetch: guarded, own, isOwn: () => false });
const outbox = createOutbox({
  rows: createDatabaseOutbox({ ...database, bounds: { waitingPerHost: 1000, waitingOverall: 1000 } }),
  send: createBeaconSend({ fetch, now: Date.now, timeoutMs: 600_000 }),
  onEnd: () => undefined,
  onRequest: () => undefined,
  now: Date.now,
});
const about = { sessionId: "session-1", event: "impression", headers: {}, time: 0, adSystem: "Ads" };
const beacons = Array.from({ length: Number(count) }, (_, index) => ({ ...about, url: `${origin}/${index}` }));
await Promise.all(beacons.map((beacon) => outbox.add(beacon)));
console.log("kept");
