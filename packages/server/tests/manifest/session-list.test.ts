import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fastify, type FastifyInstance } from "fastify";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { requireBearer } from "../../src/bearer.ts";
import { openDatabase } from "../../src/database/database.ts";
import { fastifyOptions } from "../../src/fastify-options.ts";
import { registerErrors } from "../../src/http-error.ts";
import { createDatabaseSessions } from "../../src/manifest/session/session-database.ts";
import { createMemorySessions } from "../../src/manifest/session/session-memory.ts";
import { sessionRoutes } from "../../src/manifest/session/session-routes.ts";
import type { Session, SessionStore } from "../../src/manifest/session/session.ts";
import { placeDatabase } from "../database/new-database.ts";
import { startPostgres } from "../database/private-postgres.ts";
import { sampleDecision, sampleSession, sampleTimeline } from "./session-samples.ts";

const HOUR_MS = 3_600_000;
const TOKEN = "a-token-for-these-tests";

function createClock(): { now: () => number; at: number } {
  const clock = { at: 1_800_000_000_000, now: () => clock.at };
  return clock;
}

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

async function openPlace(databaseUrl: string | undefined) {
  const folder = mkdtempSync(join(tmpdir(), "interlude-session-list-"));
  const directory = join(folder, "database");
  if (databaseUrl === undefined) await placeDatabase(directory);
  const database = await openDatabase({ databaseUrl, directory });
  afterAll(async () => {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return (now: () => number): SessionStore => {
    const onError = (error: unknown): void => expect.fail(String(error));
    const store = createDatabaseSessions({ query: database.query, idleMs: 3 * HOUR_MS, now, onError });
    onTestFinished(() => store.close());
    return store;
  };
}

const inMemory =
  (unpackedBytes: number) =>
  (now: () => number): SessionStore =>
    createMemorySessions({ maxSessions: 1000, idleMs: 3 * HOUR_MS, now, unpackedBytes });

const PLACES = [
  { name: "memory", kind: "memory", open: inMemory(1e9) },
  { name: "memory, all but one packed", kind: "memory", open: inMemory(0) },
  { name: "PGlite", kind: "database", open: await openPlace(undefined) },
  ...(postgres ? [{ name: "PostgreSQL", kind: "database", open: await openPlace(postgres.url) } as const] : []),
] as const;

async function serve(store: SessionStore, kind: "memory" | "database"): Promise<FastifyInstance> {
  const app = fastify(fastifyOptions({ logLevel: "silent", trustProxy: [] }));
  registerErrors(app);
  await app.register(sessionRoutes, { store, kind, authorise: requireBearer(TOKEN) });
  onTestFinished(() => app.close());
  return app;
}

/** In a zone of its own, because places are shared; the later in the list, the later begun. */
async function begin(store: SessionStore, count: number, zone = randomUUID()): Promise<readonly Session[]> {
  const sessions = Array.from({ length: count }, (_, index) =>
    sampleSession({ zone, createdAt: 1_800_000_000_000 + index }),
  );
  for (const session of sessions) await store.create(session);
  return sessions;
}

describe.each(PLACES)("the list of sessions in $name", ({ kind, open }) => {
  const look = async (app: FastifyInstance, url: string) => {
    const answer = await app.inject({ url, headers: { authorization: `Bearer ${TOKEN}` } });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  };

  test("pages follow one another, newest start first, and the last one names no next", async () => {
    const store = open(createClock().now);
    const app = await serve(store, kind);
    const sessions = await begin(store, 5);
    await begin(store, 2);
    // Use is no start.
    await store.load(sessions[0]?.id ?? "");
    const zone = sessions[0]?.zone ?? "";
    const seen: string[][] = [];
    let next = "";
    do {
      const { body } = await look(app, `/v1/sessions?zone=${zone}&limit=2${next && `&before=${next}`}`);
      expect([body.total, body.store]).toEqual([5, kind]);
      seen.push(body.sessions.map(({ id }: Session) => id));
      next = body.next ?? "";
      // One that begins meanwhile moves nothing between the pages that follow.
      if (seen.length === 1) await store.create(sampleSession({ zone: `${zone}x`, createdAt: 1_800_000_000_999 }));
    } while (next !== "");
    const ids = sessions.map(({ id }) => id).toReversed();
    expect(seen).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
  });

  test("a session tells who watches what and what became of its breaks, plans aside", async () => {
    const clock = createClock();
    const store = open(clock.now);
    const app = await serve(store, kind);
    const zone = randomUUID();
    const session = sampleSession({
      zone,
      contentUrl: "https://user:secret@content.example/hdnts=exp=1~hmac=secret/a;k=secret/master.m3u8?token=secret",
      query: "a=\u0000",
    });
    await store.create(session);
    const skip = (reason: "new-creative" | "no-ads", adId: string | undefined) => ({
      adId,
      adSystem: "Example \u0000 Ads",
      creativeId: undefined,
      reason,
      message:
        "VAST at https://u:secret@ads.example/hdnts=exp=1~hmac=secret/t;k=secret/tag?key=secret&b=2: expected <VAST>, got <html>",
    });
    await store.decide(session.id, sampleDecision({ breakId: "\u0000 plan", ads: [], planned: ["one", "two"] }));
    clock.at += 1;
    await store.decide(session.id, sampleDecision({ breakId: "one", skipped: [skip("new-creative", "7")] }));
    clock.at += 1;
    const place = { kind: "vod", time: 12.5, replaces: 0 } as const;
    const skipped = [skip("new-creative", "8"), skip("no-ads", undefined)];
    await store.decide(session.id, sampleDecision({ breakId: "two", position: "pre", place, ads: [], skipped }));
    await store.noteBreak(session.id, "three", clock.at + 1);
    await store.saveTrack(session.id, "720", sampleTimeline(0, 6));

    const { body: page } = await look(app, `/v1/sessions?zone=${zone}`);
    const summary = {
      id: session.id,
      zone,
      asset: "asset-4711",
      contentUrl: "https://content.example/hdnts=…/a;…/master.m3u8",
      startedAt: new Date(session.createdAt).toISOString(),
      kind: "live",
      breaks: 2,
      ads: 2,
      skipped: { "new-creative": 2, "no-ads": 1 },
      userAgent: session.viewer.userAgent,
    };
    expect(page.sessions).toMatchObject([summary]);
    const { status, headers, body } = await look(app, `/v1/sessions/${session.id}`);
    expect([status, headers["cache-control"]]).toEqual([200, "no-store"]);
    expect(body).toMatchObject({
      ...summary,
      decisions: [
        {
          id: "one",
          position: "mid",
          mediaSequence: 1200,
          availSeconds: 60,
          ads: [
            { id: "ad-987654321", title: "Spring sale, thirty seconds", seconds: 30, isRepackaged: true },
            { id: "ad-987654322" },
          ],
          skipped: [
            {
              id: "7",
              reason: "new-creative",
              message: "VAST at https://ads.example/hdnts=…/t;…/tag?… expected <VAST>, got <html>",
            },
          ],
        },
        { id: "two", position: "pre", at: 12.5, ads: [], skipped: [{ id: "8" }, { reason: "no-ads" }] },
      ],
    });
    const text = JSON.stringify([page, body]);
    expect(text).not.toContain("secret");
    expect(text).not.toContain(session.viewer.ip);
  });

  test("to look at a session keeps it no longer, and one that is forgotten is not listed", async () => {
    const clock = createClock();
    const store = open(clock.now);
    const app = await serve(store, kind);
    const [session] = await begin(store, 1);
    const { id = "", zone = "" } = session ?? {};
    clock.at += 2 * HOUR_MS;
    const { body } = await look(app, `/v1/sessions/${id}`);
    expect([body.lastSeenAt, "kind" in body]).toEqual([new Date(1_800_000_000_000).toISOString(), false]);
    expect((await look(app, `/v1/sessions?zone=${zone}`)).body.total).toBe(1);
    clock.at += HOUR_MS;
    expect((await look(app, `/v1/sessions/${id}`)).status).toBe(404);
    expect((await look(app, `/v1/sessions?zone=${zone}`)).body).toEqual({ sessions: [], total: 0, store: kind });
  });

  test("the order in which sessions are forgotten is that of their use, whoever looked at them", async () => {
    const clock = createClock();
    const store = open(clock.now);
    const app = await serve(store, kind);
    const sessions = await begin(store, 3);
    const [first, second] = sessions;
    clock.at += HOUR_MS;
    await store.load(second?.id ?? "");
    for (const { id } of sessions) await look(app, `/v1/sessions/${id}`);
    clock.at += 2 * HOUR_MS;
    const { body } = await look(app, `/v1/sessions?zone=${first?.zone}`);
    expect(body.sessions.map(({ id }: Session) => id)).toEqual([second?.id]);
  });
});

test("the token is wanted, and a page that is none of ours is refused", async () => {
  const app = await serve(inMemory(1e9)(Date.now), "memory");
  for (const url of ["/v1/sessions", "/v1/sessions/7"]) expect((await app.inject({ url })).statusCode).toBe(401);
  const headers = { authorization: `Bearer ${TOKEN}` };
  for (const url of ["?before=x", "?before=1.'", "?before=9999999999999999999.a", "?limit=0", "?limit=101"]) {
    expect((await app.inject({ url: `/v1/sessions${url}`, headers })).statusCode).toBe(400);
  }
});
