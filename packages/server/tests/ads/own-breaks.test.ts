/** Breaks of this server's campaign file that a relay asks for otherwise than they are answered: as a map, or one of a map. */
import { beforeAll, expect, test } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTestDatabase } from "../http/test-app.ts";
import { openRelayedServer } from "./relay-tags-world.ts";
import { upstream } from "./relay/relay-world.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

test.each([
  ["/ads/vast?zone=1&li=mp4", "/ads/vmap?zone=1", "preroll"],
  ["/ads/vmap?zone=1&schedule=pre-mid-post", "/ads/vast?zone=1&break=pre-roll", "pre-roll"],
  ["/ads/vmap?zone=1&schedule=pre-mid-post", "/ads/vast?zone=1&break=", "pre"],
])("%s asked by %s is tracked in the break in which it is offered, %s", async (tagUrl, asked, breakId) => {
  const { get, listNoted } = await openRelayedServer({
    query: (sql, values) => database.query(sql, values),
    tag: "/",
    more: { upstreams: [upstream(tagUrl, { name: "house" })] },
  });
  const session = `own-${breakId}`;
  const { body } = await get(`${asked}&session=${session}`);
  const impressions = [...body.replaceAll("&amp;", "&").matchAll(/\/track\/impression\?[^\]]*/g)].map(
    ([path]) => new URL(path, "http://localhost"),
  );
  expect(impressions.map(({ searchParams }) => searchParams.get("break"))).toEqual([breakId]);
  await expect
    .poll(() => listNoted(session), { interval: 20, timeout: 5000 })
    .toContainEqual(["adOffered", breakId, "ad-mp4"]);
});
