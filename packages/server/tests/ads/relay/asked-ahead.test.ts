import { fastify } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { type AskedAhead, createAskedAhead } from "../../../src/ads/relay/asked-ahead.ts";
import { emptyVast } from "../../../src/ads/relay/pod-tree.ts";
import { createRelayTags } from "../../../src/ads/relay/relay-tags.ts";
import { embeddedTarget } from "../../../src/targets/target-config.ts";
import { standardZone } from "../../../src/zones.ts";
import { zoneRelay } from "./relay-world.ts";

const BOUNDS = { lifeMs: 60_000, max: 3, maxPending: 2, maxPendingPerOwner: 2, maxPerOwner: 2, maxWeight: 100 };

interface World {
  readonly ahead: AskedAhead<string>;
  readonly errors: readonly unknown[];
  readonly wait: (ms: number) => void;
}

/** Texts, each as heavy as it is long; time passes by hand. */
function open(more: Partial<typeof BOUNDS> = {}): World {
  let at = 0;
  let timers: readonly { readonly due: number; readonly run: () => void }[] = [];
  const errors: unknown[] = [];
  const ahead = createAskedAhead<string>(
    { ...BOUNDS, ...more },
    {
      now: () => at,
      weigh: (text) => text.length,
      onError: (error) => errors.push(error),
      after: (ms, run) => (timers = [...timers, { due: at + ms, run }]),
    },
  );
  const wait = (ms: number): void => {
    at += ms;
    const due = timers.filter((one) => one.due <= at);
    timers = timers.filter((one) => one.due > at);
    for (const { run } of due) run();
  };
  return { ahead, errors, wait };
}

async function keep(ahead: AskedAhead<string>, key: string, owner: string, answer = key): Promise<void> {
  ahead.ask({ key, owner }, async () => answer);
  for (let turns = 0; turns < 5; turns++) await Promise.resolve();
}

describe("createAskedAhead", () => {
  test("an answer is asked for once and handed out once, also to who comes before it is there", async () => {
    const { ahead } = open();
    const asked: string[] = [];
    const answers = Promise.withResolvers<string>();
    const ask = (key: string): void =>
      ahead.ask({ key, owner: "o" }, () => {
        asked.push(key);
        return answers.promise;
      });
    ask("a");
    ask("a");
    const taken = ahead.take("a");
    answers.resolve("ads");
    expect([await taken, await ahead.take("a"), asked, ahead.weight()]).toEqual(["ads", undefined, ["a"], 0]);
  });

  test("is good for a minute", async () => {
    const { ahead, wait } = open();
    await keep(ahead, "a", "o");
    await keep(ahead, "b", "o");
    wait(59_999);
    expect(await ahead.take("a")).toBe("a");
    wait(1);
    expect(await ahead.take("b")).toBeUndefined();
  });

  test("what nobody comes for is gone after its minute, though nobody asks again", async () => {
    const { ahead, wait } = open();
    await keep(ahead, "a", "o", "x".repeat(50));
    wait(30_000);
    await keep(ahead, "b", "o", "y".repeat(20));
    expect(ahead.weight()).toBe(70);
    wait(30_000);
    expect(ahead.weight()).toBe(20);
    wait(30_000);
    expect(ahead.weight()).toBe(0);
  });

  test("a request that fails is none, and said", async () => {
    const { ahead, errors } = open();
    const away = new Error("away");
    ahead.ask({ key: "a", owner: "o" }, () => Promise.reject(away));
    expect([await ahead.take("a"), errors]).toEqual([undefined, [away]]);
  });

  test("an answer that is none may be asked for again", async () => {
    const { ahead } = open();
    ahead.ask({ key: "a", owner: "o" }, async () => undefined);
    for (let turns = 0; turns < 5; turns++) await Promise.resolve();
    await keep(ahead, "a", "o");
    expect(await ahead.take("a")).toBe("a");
  });

  test("no more wait than there is room for: the oldest goes, and with too many under way nothing is asked", async () => {
    const { ahead } = open({ maxPerOwner: 9 });
    for (const key of ["a", "b", "c", "d"]) await keep(ahead, key, "o");
    expect([await ahead.take("a"), await ahead.take("b"), await ahead.take("d")]).toEqual([undefined, "b", "d"]);
    const busy = open({ maxPerOwner: 9, maxPendingPerOwner: 9 }).ahead;
    for (const key of ["a", "b", "c"]) busy.ask({ key, owner: "o" }, () => new Promise(() => undefined));
    expect(await busy.take("c")).toBeUndefined();
  });

  test("one client takes the room of no other: beyond its share nothing is asked for it", async () => {
    const { ahead } = open();
    await keep(ahead, "mine", "me");
    for (const key of ["a", "b", "c", "d"]) await keep(ahead, key, "crowd");
    expect([await ahead.take("mine"), await ahead.take("b"), await ahead.take("c")]).toEqual(["mine", "b", undefined]);
    await keep(ahead, "e", "crowd");
    expect(await ahead.take("e")).toBe("e");
  });

  test("one client whose ad servers are slow leaves others room to ask", async () => {
    const { ahead } = open({ maxPendingPerOwner: 1 });
    const slow = Promise.withResolvers<string>();
    for (const key of ["a", "b"]) ahead.ask({ key, owner: "slow" }, () => slow.promise);
    await keep(ahead, "c", "other");
    expect(await ahead.take("c")).toBe("c");
    slow.resolve("late");
    expect([await ahead.take("a"), await ahead.take("b")]).toEqual(["late", undefined]);
    await keep(ahead, "d", "slow");
    expect(await ahead.take("d")).toBe("d");
  });

  test("long answers fill the room sooner, and one that is longer than it all is not kept", async () => {
    const { ahead } = open();
    await keep(ahead, "a", "o", "x".repeat(60));
    await keep(ahead, "b", "p", "y".repeat(60));
    expect([ahead.weight(), await ahead.take("a")]).toEqual([60, undefined]);
    await keep(ahead, "c", "q", "z".repeat(101));
    expect([ahead.weight(), (await ahead.take("b"))?.length, await ahead.take("c")]).toEqual([60, 60, undefined]);
  });
});

test("the time that a player waited for an answer that came to nothing is not spent a second time", async () => {
  let at = 5000;
  const spent: unknown[] = [];
  const nothing = { form: "vast", root: emptyVast(), upstream: undefined, session: "s", breaks: [] } as const;
  const tags = createRelayTags({
    relay: {
      answerAdRequest: async (_request, _relay, _mediaTypes, spentMs) => {
        spent.push(spentMs);
        return { ...nothing, attempts: [], failures: [], setCookies: [], untold: [], tell: () => undefined };
      },
    },
    ahead: {
      ask: () => undefined,
      take: async () => {
        at += 700;
        return undefined;
      },
      weight: () => 0,
    },
    publicHosts: [],
    giveTicket: undefined,
    copies: undefined,
    note: () => undefined,
    clock: () => at,
  });
  const zone = { ...standardZone("1", [embeddedTarget("a")]), relay: zoneRelay([]) };
  const app = fastify();
  onTestFinished(() => app.close());
  app.get("/ads/vast", (request, reply) => tags.answer(zone, "vast", request, reply));
  const { statusCode } = await app.inject({ url: "/ads/vast?zone=1&session=s", headers: { host: "localhost" } });
  expect([statusCode, spent]).toEqual([200, [700]]);
});
