import { afterAll, describe } from "vitest";
import { testRemoteTarget, testTarget } from "./conformance.ts";
import { nginxPlace, openDirectory, type RemotePlace, swiftPlace } from "./places.ts";
import { startNginx } from "./private-nginx.ts";
import { LISTING, startSwift } from "./private-swift.ts";

const [directory, nginx, swift] = await Promise.all([openDirectory("a"), startNginx(), startSwift()]);
afterAll(() => Promise.all([directory.close(), nginx?.stop(), swift?.stop()]));

const need = (place: RemotePlace | undefined): RemotePlace => {
  if (place === undefined) throw new Error("expected a store that is installed");
  return place;
};

describe("a directory", () => {
  testTarget(() => directory, 1001);
});

describe.skipIf(nginx === undefined).each(["put", "move"] as const)("nginx by %s", (atomic) => {
  const place = nginx && nginxPlace("n", nginx, atomic);
  testTarget(() => need(place), 1001);
  testRemoteTarget(() => need(place));
});

describe.skipIf(swift === undefined)("Swift by its S3 API", () => {
  const place = swift && swiftPlace("s3", swift);
  testTarget(() => need(place), 2 * LISTING + 10);
  testRemoteTarget(() => need(place));
});
