/** A whole CRS that publishes to a directory, Swift and nginx at once. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { PublishTarget } from "../../src/crs/publish-target.ts";
import { type MediaServer, startCrs, startMediaServer, type TestCrs } from "../crs/test-crs.ts";
import { testMedia } from "../crs/test-media.ts";
import { fetchObject } from "./conformance.ts";
import { nginxPlace, openDirectory, type Place, swiftPlace } from "./places.ts";
import { startNginx } from "./private-nginx.ts";
import { startSwift } from "./private-swift.ts";
import { startSilent } from "./relay.ts";

const [directory, nginx, swift] = await Promise.all([openDirectory("a"), startNginx(), startSwift()]);
afterAll(() => Promise.all([directory.close(), nginx?.stop(), swift?.stop()]));

let media: MediaServer;
beforeAll(async () => {
  media = await startMediaServer(testMedia);
});
afterAll(() => media.close());

let crs: TestCrs | undefined;
afterEach(async () => {
  await crs?.close();
  crs = undefined;
});
const start = async (targets: readonly PublishTarget[], publishTimeoutMs = 60_000): Promise<TestCrs> => {
  crs = await startCrs({ allow: [media], targets: () => targets, config: { publishTimeoutMs } });
  return crs;
};

/** Every object of a package that its playlists name, by path: how it was answered. */
async function readPackage(place: Place, masterPath: string): Promise<Readonly<Record<string, unknown>>> {
  const found: Record<string, unknown> = {};
  const read = async (url: URL): Promise<void> => {
    const path = url.href.slice(place.publicUrl.href.length);
    found[path] = await fetchObject(place, path);
    if (!path.endsWith(".m3u8")) return;
    const text = await (await fetch(url)).text();
    for (const line of text.split("\n")) if (/^[^#]/.test(line)) await read(new URL(line, url));
  };
  await read(new URL(masterPath, place.publicUrl));
  return found;
}

describe.skipIf(nginx === undefined || swift === undefined)("a directory, Swift and nginx at once", () => {
  const open = (): readonly Place[] => {
    if (nginx === undefined || swift === undefined) throw new Error("expected both to be installed");
    return [directory, swiftPlace("s3", swift), nginxPlace("n", nginx, "put")];
  };

  test("have the same objects at the same paths, with the same headers, and none when the creative is forgotten", async () => {
    const places = open();
    const { crs: service, repackage } = await start(places.map(({ target }) => target));
    const status = await repackage(new URL("everywhere/film.mp4", media.base));
    expect(status).toMatchObject({ state: "ready", packages: [{ cdns: expect.arrayContaining(["a", "s3", "n"]) }] });
    const path = status.packages[0]?.path ?? "";
    const [first = {}, ...others] = await Promise.all(places.map((place) => readPackage(place, path)));
    const endings = Object.keys(first).map((name) => name.slice(name.lastIndexOf(".")));
    expect(endings.filter((ending) => ending === ".m3u8").length).toBeGreaterThan(2);
    expect(endings.filter((ending) => ending === ".ts").length).toBeGreaterThan(3);
    expect(first[path]).toMatchObject({ status: 200, cacheControl: "public, max-age=5" });
    for (const other of others) expect(other).toEqual(first);

    expect(await service.forget("1", status.key)).toBe(true);
    for (const place of places) {
      const statuses = await Promise.all(
        Object.keys(first).map(async (name) => (await fetchObject(place, name)).status),
      );
      expect(new Set(statuses)).toEqual(new Set([404]));
    }
  });

  // The source's only key frame is its first: what is copied of it is published early and withdrawn later.
  test("one that is down is missing from the creative's CDNs, and the others have it", async () => {
    const [a, s3, n] = open();
    const gone = await startSilent();
    await gone.close();
    if (!a || !s3 || !n || !nginx) throw new Error("expected three places");
    const down = nginxPlace("down", nginx, "put").by(gone.url);
    const { repackage } = await start([a.target, s3.target, n.target, down]);
    const status = await repackage(new URL("one-down/long-gop.mp4", media.base));
    expect(status.state).toBe("ready");
    expect(status.packages[0]?.cdns.toSorted()).toEqual(["a", "n", "s3"]);
  });

  test("one that never answers holds up no other, and is left when the service ends", async () => {
    if (!swift) throw new Error("expected Swift");
    const [a, , n] = open();
    const silent = await startSilent();
    if (!a || !n) throw new Error("expected three places");
    const hanging = swiftPlace("hanging", swift).by(silent.url, { idleTimeoutMs: 600_000 });
    const service = await start([a.target, hanging, n.target], 600_000);
    const status = await service.repackage(new URL("one-hanging/long-gop.mp4", media.base));
    expect(status.state).toBe("ready");
    expect(status.packages[0]?.cdns.toSorted()).toEqual(["a", "n"]);
    await silent.stalled;
    await service.close();
    crs = undefined;
    await silent.left;
    await silent.close();
  });
});
