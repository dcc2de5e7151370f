import { expect, test } from "vitest";
import { readRelayedTracking, relayTrackingUrls } from "../../../src/ads/relay/relay-tracking.ts";
import { createBeaconSigner } from "../../../src/beacon-signature.ts";
import { createSeal } from "../../../src/seal.ts";
import { relayRequest } from "./relay-world.ts";

const sign = createBeaconSigner(createSeal("secret"));
const THING = { upstream: "main", breakId: "b-1", ad: "a", creative: "c", position: 2 };

test.each([
  ["the session that the request names", relayRequest()],
  ["the answer, where the request names none", relayRequest({ session: "" })],
])("an address that this server sealed is its own by %s", (_what, request) => {
  const url = relayTrackingUrls(request, THING, sign)("impression");
  const told = { event: "impression", ad: "a", creative: "c", lineItem: "", position: 2 };
  expect(readRelayedTracking(url, request, "main", sign)).toEqual(told);
  const others = [{ session: "s-2" }, { session: "", serving: "~2" }, { zone: "2" }].map((one) => relayRequest(one));
  for (const other of others) expect(readRelayedTracking(url, other, "main", sign)).toBeUndefined();
  expect(readRelayedTracking(url, request, "else", sign)).toBeUndefined();
});

test("one that says something twice is what the receiver of beacons makes of it: the first counts", () => {
  const request = relayRequest();
  const url = relayTrackingUrls(request, THING, sign)("impression");
  expect(readRelayedTracking(url.replace("?", "?ad=z&"), request, "main", sign)).toBeUndefined();
  expect(readRelayedTracking(`${url}&ad=z`, request, "main", sign)).toMatchObject({ ad: "a" });
});
