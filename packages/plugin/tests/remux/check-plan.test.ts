/** What a plan may ask of the network. */
import { describe, expect, test } from "vitest";
import { checkPlan } from "../../src/remux/check-plan.ts";
import { planRemux } from "../../src/remux/plan.ts";
import type { RemuxPlan } from "../../src/remux/segment-job.ts";
import { buildMovie, constantRate } from "./movies.ts";

const MB = 1_000_000;

/** Pictures of 1000 bytes, so many in each of so many seconds, that lie so far apart. */
function plan(perSecond: number, seconds: number, distance = 1000): RemuxPlan {
  const count = perSecond * seconds;
  const keys = Array.from({ length: seconds }, (_, second) => second * perSecond);
  const movie = buildMovie({ times: constantRate(count), keys, timescale: perSecond });
  movie.video?.samples.offsets.set(Array.from({ length: count }, (_, index) => index * distance));
  return planRemux(movie, { packaging: "hls", targetDuration: undefined });
}

const refusal = (reason: string): unknown => expect.objectContaining({ name: "MediaRefusal", reason });

describe("checkPlan", () => {
  test("pictures that lie together are read, within what a page may read and what the file has", () => {
    expect(() => checkPlan(plan(25, 4), 100_000, 100_000)).not.toThrow();
    expect(() => checkPlan(plan(25, 4), 99_999)).toThrow(refusal("unsupported-media-file"));
    expect(() => checkPlan(plan(25, 4), MB, 99_999)).toThrow(refusal("source-unreadable"));
  });

  test("few bytes far behind in a file whose length nobody says are refused as a large file is", () => {
    const scattered = plan(25, 1, MB);
    expect(() => checkPlan(scattered, 25 * MB)).not.toThrow();
    expect(() => checkPlan(scattered, 24 * MB)).toThrow(refusal("unsupported-media-file"));
  });

  test("a segment that takes more than 200 requests is refused", () => {
    expect(() => checkPlan(plan(200, 1, 20_000), 24 * MB)).not.toThrow();
    expect(() => checkPlan(plan(201, 1, 20_000), 24 * MB)).toThrow(refusal("unsupported-media-file"));
  });

  test("a file that takes more than 1000 requests is refused", () => {
    expect(() => checkPlan(plan(50, 20, 20_000), 24 * MB)).not.toThrow();
    expect(() => checkPlan(plan(50, 21, 20_000), 24 * MB)).toThrow(refusal("unsupported-media-file"));
  });
});
