/** One source through the whole service: database, queue, guarded download from loopback, layers, ladder, two folders as CDNs. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseMasterPlaylist } from "@interlude/core";
import { directoryStore } from "../packages/server/src/origin/store.ts";
import type { CreativeStatus } from "../packages/server/src/crs/crs.ts";
import type { Rung } from "../packages/server/src/crs/ladder.ts";
import { startCrs, startMediaServer, type TestCrs } from "../packages/server/tests/crs/test-crs.ts";
import { type Cost, measureCost } from "./crs-cost.ts";
import { describeStart, startTimeline, type Timeline } from "./crs-timeline.ts";

export interface ColdRun {
  /** Seconds from submission to the first master on a CDN; one for each trial. */
  readonly firsts: readonly number[];
  /** What the last of them consists of. */
  readonly firstParts: string;
  /** How many variants the first master has. */
  readonly firstVariants: number;
  /** Seconds from submission until all CDNs have the ladder. */
  readonly ladder: number;
  readonly cost: Cost;
  /** Paths of the media playlists, in the order of the rungs. */
  readonly playlists: readonly string[];
  /** Seconds from submission until all CDNs have another packaging of the ready creative. */
  readonly second: readonly { readonly name: string; readonly time: number }[];
}

/** The first playable layer is timed so often: all but the last are forgotten as soon as it is there. */
const FIRST_TRIALS = 3;
const TIMEOUT_MS = 900_000;

const SECOND = [
  { packaging: "hls", targetDuration: 4 },
  { packaging: "cmaf", targetDuration: 6 },
] as const;

/** @throws when the creative fails, or a rung is missing */
export async function runCold(source: string, rungs: readonly Rung[], folder: string): Promise<ColdRun> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const media = await startMediaServer(() => source);
  const timeline = startTimeline();
  const targets = (): ReturnType<Timeline["watch"]>[] =>
    ["a", "b"].map((name) => timeline.watch(directoryStore(name, join(folder, "cdn", name))));
  const crs = await startCrs({ folder, allow: [media], targets });
  const stop = crs.crs.subscribe(timeline.see);
  try {
    const firsts: number[] = [];
    for (let trial = 1; trial < FIRST_TRIALS; trial++) {
      firsts.push(await timeFirst(crs, new URL(`${trial}/creative`, media.base), timeline));
    }
    const creativeUrl = new URL("whole/creative", media.base);
    const { cost, result } = await measureCost(() => within(makeWhole(crs, creativeUrl, timeline)));
    firsts.push(timeline.at("playable") ?? Number.NaN);
    const firstMaster = parseMasterPlaylist(await timeline.firstMaster);
    return {
      firsts,
      firstParts: describeStart(timeline),
      firstVariants: firstMaster.variants.length,
      ladder: timeline.at("ready") ?? Number.NaN,
      cost,
      playlists: findPlaylists(join(folder, "cdn/a", result), rungs),
      second: await timeSecond(crs, creativeUrl),
    };
  } finally {
    stop();
    await crs.close();
    await media.close();
  }
}

async function timeFirst({ crs, waitFor }: TestCrs, creativeUrl: URL, timeline: Timeline): Promise<number> {
  timeline.restart();
  const { key } = await crs.submit(requestFor(creativeUrl));
  const failed = waitFor(key, ({ state }) => state === "failed" || state === "blocked").then(expectReady);
  await within(Promise.race([timeline.firstMaster, failed]));
  const time = timeline.at("playable") ?? Number.NaN;
  await crs.forget("1", key);
  return time;
}

/** Returns the master's path. */
async function makeWhole({ repackage }: TestCrs, creativeUrl: URL, timeline: Timeline): Promise<string> {
  timeline.restart();
  const status = expectReady(await repackage(creativeUrl));
  const made = status.packages.find(({ packaging, targetDuration }) => packaging === "hls" && targetDuration === 6);
  if (made === undefined || !made.isWhole || made.cdns.length < 2) {
    throw new Error(`bench: expected a ladder on two CDNs, got ${JSON.stringify(status.packages)}`);
  }
  return made.path;
}

async function timeSecond({ crs, waitFor }: TestCrs, creativeUrl: URL): Promise<ColdRun["second"]> {
  const times: { name: string; time: number }[] = [];
  for (const wanted of SECOND) {
    const zero = performance.now();
    const { key } = await crs.submit({ ...requestFor(creativeUrl), ...wanted });
    const isMade = ({ packages }: CreativeStatus): boolean =>
      packages.some((one) => matches(one, wanted) && one.isWhole && one.cdns.length > 1);
    const hasEnded = (status: CreativeStatus): boolean =>
      status.state === "failed" || (status.state === "ready" && isMade(status));
    expectReady(await within(waitFor(key, hasEnded)));
    const name = `${wanted.packaging}, target duration ${wanted.targetDuration} s`;
    times.push({ name, time: (performance.now() - zero) / 1000 });
  }
  return times;
}

type Cut = Pick<CreativeStatus["packages"][number], "packaging" | "targetDuration">;

function matches(a: Cut, b: Cut): boolean {
  return a.packaging === b.packaging && a.targetDuration === b.targetDuration;
}

function requestFor(creativeUrl: URL): Parameters<TestCrs["crs"]["submit"]>[0] {
  return { zone: "1", creativeUrl: creativeUrl.href, packaging: "hls", targetDuration: 6 };
}

function expectReady(status: CreativeStatus): CreativeStatus {
  if (status.state === "ready") return status;
  throw new Error(`the service: ${status.state}, ${status.reason ?? "no reason"}: ${status.message ?? ""}`);
}

function findPlaylists(master: string, rungs: readonly Rung[]): readonly string[] {
  const { variants } = parseMasterPlaylist(readFileSync(master, "utf8"));
  return rungs.map(({ name, width, height }) => {
    const variant = variants.find(({ resolution }) => resolution?.width === width && resolution.height === height);
    if (variant === undefined) throw new Error(`the service: expected a rung ${name}, got none`);
    return join(dirname(master), variant.uri);
  });
}

/** A run that ends never is a fault like others. */
async function within<T>(work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`expected an end within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
