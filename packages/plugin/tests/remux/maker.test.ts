/** Where segments are made: the worker as the builds embed it, in a thread; and the page, where there is none. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleWorker } from "../../embed-worker.ts";
import { makeHere } from "../../src/remux/make-here.ts";
import { createMaker, type Made, type MakerDeps, type SegmentMaker } from "../../src/remux/maker.ts";
import type { SegmentJob } from "../../src/remux/segment-job.ts";
import type { StartThread } from "../../src/remux/start-worker.ts";
import type { FromWorker, ToWorker } from "../../src/remux/worker-messages.ts";
import { make, makeMedia, type Order, orderSegments, probeMedia } from "./probed-media.ts";

let folder = "";
let source = "";
let orders: readonly Order[] = [];
const makers: SegmentMaker[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interlude-maker-"));
  const path = makeMedia(folder, "spot.mp4", ["-g", "50", "-c:a", "aac", "-movflags", "+faststart"], 4);
  orders = orderSegments(probeMedia(path), "hls");
  source = await bundleWorker();
});
afterAll(async () => {
  for (const maker of makers) maker.release();
  await rm(folder, { recursive: true, force: true });
});

/** What a worker of a browser has, for one of Node. */
const SELF = `
  const { parentPort } = require("node:worker_threads");
  globalThis.self = {
    addEventListener: (type, listener) => parentPort.on("message", (data) => listener({ data })),
    postMessage: (message, { transfer }) => parentPort.postMessage(message, transfer),
  };`;

interface Threads {
  readonly startThread: StartThread;
  readonly posted: ToWorker[];
  /** Of each thread, in order. */
  readonly started: { isEnded: boolean }[];
  /** The last one fails. */
  readonly fail: () => void;
}

function createThreads(code = `${SELF}\n${source}`): Threads {
  const posted: ToWorker[] = [];
  const started: { isEnded: boolean }[] = [];
  let fail = (): void => undefined;
  const startThread: StartThread = (onMessage, onFail) => {
    const worker = new Worker(code, { eval: true });
    const thread = { isEnded: false };
    started.push(thread);
    fail = onFail;
    worker.on("message", (message: FromWorker) => onMessage(message));
    worker.on("error", onFail);
    return {
      post: (message, bytes) => {
        posted.push(message);
        worker.postMessage(message, [bytes]);
      },
      end: () => {
        thread.isEnded = true;
        void worker.terminate();
      },
    };
  };
  return { startThread, posted, started, fail: () => fail() };
}

function open(deps: Partial<MakerDeps> = {}): SegmentMaker {
  const maker = createMaker(new AbortController().signal, { helloMs: 60_000, ...deps });
  makers.push(maker);
  return maker;
}

function order(maker: SegmentMaker, index = 0): Promise<Made> {
  const { job, bytes } = orders[index] ?? { job: noJob(), bytes: new Uint8Array() };
  return maker.make(job, new Uint8Array(bytes));
}

function noJob(): SegmentJob {
  throw new Error("expected a job, got none");
}

function isAsOrdered({ main }: Made, index = 0): boolean {
  const [expected] = orders.slice(index);
  return expected !== undefined && Buffer.from(main).equals(make(expected).main);
}

describe("createMaker", () => {
  test("makes segments in a worker of the text that the builds embed", async () => {
    const { startThread, started } = createThreads();
    const maker = open({ startThread });
    const [first, second] = await Promise.all([order(maker, 0), order(maker, 1)]);
    expect([isAsOrdered(first, 0), isAsOrdered(second, 1)]).toEqual([true, true]);
    expect(first.busyMs).toBeGreaterThan(0);
    expect(maker.stats()).toEqual({ place: "worker", longestSliceMs: 0 });
    expect(started).toHaveLength(1);
  });

  test("has the worker started before there is anything to make", async () => {
    const { startThread, started } = createThreads();
    const maker = open({ startThread });
    maker.warmUp();
    expect(started).toHaveLength(1);
    expect(isAsOrdered(await order(maker))).toBe(true);
    expect(started).toHaveLength(1);
  });

  test("sends nothing along but what the job needs", async () => {
    const { startThread, posted } = createThreads();
    await order(open({ startThread }));
    const views = posted.flatMap(({ job: { video, audio } }) => [
      ...Object.values(video),
      ...Object.values(audio),
      ...video.configs.flatMap(({ sps, pps }) => [...sps, ...pps]),
    ]);
    const whole = views.filter((view) => ArrayBuffer.isView(view));
    expect(whole.length).toBeGreaterThan(10);
    expect(whole.filter((view) => view.buffer.byteLength > view.byteLength)).toEqual([]);
  });

  test("tells what is wrong with a segment's bytes", async () => {
    const { startThread } = createThreads();
    const maker = open({ startThread });
    const { job } = orders[0] ?? { job: noJob() };
    await expect(maker.make(job, new Uint8Array(100))).rejects.toMatchObject({
      name: "MediaRefusal",
      reason: "source-unreadable",
    });
    expect(isAsOrdered(await order(maker))).toBe(true);
  });

  test.each<[string, StartThread, number?]>([
    [
      "may not be started",
      () => {
        throw new Error("SecurityError");
      },
    ],
    ["fails as soon as it is started", (...heard) => createThreads("throw new Error()").startThread(...heard)],
    ["says nothing", () => ({ post: () => undefined, end: () => undefined }), 20],
  ])("makes them on the page where a worker %s", async (_, startThread, helloMs = 60_000) => {
    const maker = open({ startThread, helloMs });
    expect(isAsOrdered(await order(maker))).toBe(true);
    expect(maker.stats()).toMatchObject({ place: "page", longestSliceMs: expect.any(Number) });
    expect(maker.stats().longestSliceMs).toBeGreaterThan(0);
  });

  test("makes them on the page where the build has embedded no worker", async () => {
    const maker = open();
    expect(isAsOrdered(await order(maker))).toBe(true);
    expect(maker.stats().place).toBe("page");
  });

  test("makes them in a worker that is heard of late, from then on", async () => {
    const threads = createThreads();
    let allow: (() => void) | undefined;
    const startThread: StartThread = (onMessage, onFail) =>
      threads.startThread((message) => {
        if ("isUp" in message) allow = () => onMessage(message);
        else onMessage(message);
      }, onFail);
    const maker = open({ startThread, helloMs: 1 });
    expect(isAsOrdered(await order(maker, 0), 0)).toBe(true);
    expect(maker.stats().place).toBe("page");
    await expect.poll(() => allow).toBeDefined();
    allow?.();
    expect(isAsOrdered(await order(maker, 1), 1)).toBe(true);
    expect(maker.stats().place).toBe("worker");
    expect(threads.started).toHaveLength(1);
  });

  test("waits for no worker that hangs: what waits for its turn is made on the page", async () => {
    const hanging = `${SELF} self.postMessage({ isUp: true }, {}); parentPort.on("message", () => { for (;;); });`;
    const { startThread, started } = createThreads(hanging);
    const maker = open({ startThread, jobMs: 20 });
    const [lost, next] = await Promise.allSettled([order(maker, 0), order(maker, 1)]);
    expect(lost).toMatchObject({ status: "rejected", reason: { name: "MediaRefusal", reason: "media-unavailable" } });
    expect(next.status === "fulfilled" && isAsOrdered(next.value, 1)).toBe(true);
    expect(started).toEqual([{ isEnded: true }]);
    expect(maker.stats().place).toBe("page");
  });

  test("leaves nothing open that was ordered just before its end", async () => {
    for (let turns = 0; turns < 12; turns += 1) {
      let say = (): void => undefined;
      const startThread: StartThread = (onMessage) => {
        say = () => onMessage({ isUp: true });
        return { post: () => undefined, end: () => undefined };
      };
      const maker = open({ startThread });
      maker.warmUp();
      say();
      const lost = order(maker);
      lost.catch(() => undefined);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      maker.release();
      await expect(lost).rejects.toMatchObject({ name: "MediaRefusal" });
    }
  });

  test("goes on with the page when the worker fails later; what it was making is to be asked for again", async () => {
    const silent = `${SELF} self.postMessage({ isUp: true }, {}); parentPort.on("message", () => undefined);`;
    const { startThread, fail, posted } = createThreads(silent);
    const maker = open({ startThread });
    const lost = order(maker);
    lost.catch(() => undefined);
    await expect.poll(() => posted.length).toBe(1);
    fail();
    await expect(lost).rejects.toMatchObject({ name: "MediaRefusal", reason: "media-unavailable" });
    expect(isAsOrdered(await order(maker))).toBe(true);
  });

  test("ends the worker when there is nothing to do, and starts another when there is", async () => {
    const { startThread, started } = createThreads();
    const maker = open({ startThread, idleMs: 10 });
    await order(maker);
    await expect.poll(() => started).toEqual([{ isEnded: true }]);
    expect(isAsOrdered(await order(maker))).toBe(true);
    expect(started).toHaveLength(2);
  });

  test("ends the worker with the insertion, and whatever it was making", async () => {
    const { startThread, started, posted } = createThreads(`${SELF} self.postMessage({ isUp: true }, {});`);
    const insertion = new AbortController();
    const maker = createMaker(insertion.signal, { startThread, helloMs: 60_000 });
    const lost = order(maker);
    lost.catch(() => undefined);
    await expect.poll(() => posted.length).toBe(1);
    insertion.abort();
    await expect(lost).rejects.toMatchObject({ name: "MediaRefusal" });
    expect(started).toEqual([{ isEnded: true }]);
    await expect(order(maker)).rejects.toMatchObject({ name: "MediaRefusal" });
  });
});

describe("makeHere", () => {
  test("lets the page go on after each 8 ms", async () => {
    const { job, bytes } = orders[0] ?? { job: noJob(), bytes: new Uint8Array() };
    let time = 0;
    let pauses = 0;
    const pause = async (): Promise<void> => {
      pauses += 1;
      await nextTurn();
    };
    const made = await makeHere(job, new Uint8Array(bytes), { now: () => (time += 3), pause });
    expect(pauses).toBeGreaterThan(0);
    expect(made.longestSliceMs).toBeLessThanOrEqual(12);
    expect(Buffer.from(made.main).equals(make({ job, bytes }).main)).toBe(true);
  });
});
