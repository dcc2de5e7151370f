/** Who says what is tried for a creative that has no copy yet: the page, else the zone document, else what is known of the break. */
import { creativeKey, type EncounterStep } from "@interlude/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startViewing } from "../fake-viewing.ts";
import { createFakeWeb, formatVast, formatVod, HOST, ZONE } from "../fake-web.ts";

const CONTENT = formatVod(15);
const TAKEN = { key: creativeKey("1", `${HOST}/creatives/one.mp4`), state: "absent", statusUrl: "/status" };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test.each<
  readonly [
    title: string,
    page: readonly EncounterStep[] | undefined,
    zone: readonly EncounterStep[] | undefined,
    isWaiting: boolean,
  ]
>([
  ["by default it is waited for, where nothing better can be done", undefined, undefined, true],
  ["the zone has it skipped", undefined, ["skip"], false],
  ["the zone has it waited for", undefined, ["wait", "skip"], true],
  ["the page has it waited for, whatever the zone says", ["wait"], ["skip"], true],
  ["the page has it skipped, whatever the zone says", ["skip"], ["wait"], false],
])("%s", async (_title, page, zone, isWaiting) => {
  const document: unknown = JSON.parse(ZONE.text ?? "");
  const web = createFakeWeb({
    "/v1/zones/1.json": { text: JSON.stringify({ ...Object(document), ...(zone && { firstEncounter: zone }) }) },
    "/ads/vast": { text: formatVast({ id: "one" }) },
    "/ads/repackage": { status: 202, text: JSON.stringify(TAKEN) },
    "/status": { until: new Promise(() => undefined) },
  });
  const viewing = startViewing(web, { adTagUrl: "/ads/vast", ...(page && { firstEncounter: page }) });
  for (let turn = 0; turn < 4; turn++) {
    await vi.advanceTimersByTimeAsync(0);
    await vi.dynamicImportSettled();
  }
  let given: string | undefined;
  void viewing.play(CONTENT).then((text) => {
    given = text;
  });
  await vi.advanceTimersByTimeAsync(1600);
  expect(given).toBe(isWaiting ? undefined : CONTENT);
  await vi.advanceTimersByTimeAsync(1000);
  expect(given).toBe(CONTENT);
});
