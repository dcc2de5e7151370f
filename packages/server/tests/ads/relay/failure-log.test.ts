import { expect, test } from "vitest";
import { createFailureLog } from "../../../src/ads/relay/failure-log.ts";
import { openAdServer } from "./ad-server.ts";
import { openRelay, relayRequest, upstream, zoneRelay } from "./relay-world.ts";

test("an ad server whose tag is not there is named with its status, once a minute, and each for itself", async () => {
  let at = 0;
  const told: string[] = [];
  const warn = ({ zone, upstream: name, message }: { zone: string; upstream: string; message: string }): void => {
    told.push(`${zone} ${name} ${/got \d+/.exec(message)?.[0]}`);
  };
  const server = await openAdServer();
  const { relay } = openRelay([server], { onFailure: createFailureLog({ now: () => at, warn }) });
  const tags = ["a", "b"].map((name) => upstream(`${server.origin}/nowhere?viewer=secret`, { name }));
  const zone = zoneRelay(tags);
  for (let times = 0; times < 3; times++) await relay.answerAdRequest(relayRequest(), zone);
  expect(told).toEqual(["1 a got 404", "1 b got 404"]);
  at = 60_000;
  await relay.answerAdRequest(relayRequest(), zone);
  expect(told).toHaveLength(4);
});

test("a single ad that led to nothing is not worth a line, nor is an answer without ads", async () => {
  const told: unknown[] = [];
  const server = await openAdServer();
  const onFailure = createFailureLog({ now: () => 0, warn: (failure) => told.push(failure) });
  const { relay } = openRelay([server], { onFailure });
  for (const path of ["/ads/pod", "/deep", "/ads/none"])
    await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}${path}`)]));
  expect(told).toEqual([]);
});
