/** Who is watching just now: the sessions of the manifest server, for holders of the API token. */
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";
import type { onRequestHookHandler } from "fastify";
import { hidePathValues } from "../../hide-path-values.ts";
import { HttpError } from "../../http-error.ts";
import { ErrorBody, plainText, ZoneName } from "../../schema.ts";
import type { BreakRow } from "../breaks/decision.ts";
import { addSummaries, parsePosition } from "./session-list.ts";
import type { ListedSession, SessionStore } from "./session.ts";

export interface SessionRoutesOptions {
  readonly store: Pick<SessionStore, "list" | "show">;
  /** `memory`: what is told is about this instance alone. */
  readonly kind: "memory" | "database";
  readonly authorise: onRequestHookHandler;
}

const MAX_PAGE = 100;

const Counts = Type.Record(Type.String(), Type.Integer(), { description: "ads that were left out, by skip reason" });

const SUMMARY = {
  id: Type.String(),
  zone: Type.String(),
  asset: Type.String(),
  contentUrl: Type.String({ description: "of the content's master playlist, without its query" }),
  startedAt: Type.String({ description: "ISO 8601" }),
  lastSeenAt: Type.String({ description: "ISO 8601; in a database to the minute" }),
  kind: Type.Optional(Type.String({ description: "live or vod; left out while no media playlist has been asked for" })),
  breaks: Type.Integer({ description: "breaks that were decided" }),
  ads: Type.Integer({ description: "ads that were decided to be inserted" }),
  skipped: Counts,
  userAgent: Type.String({ description: "empty where none came" }),
};

const Page = Type.Object({
  sessions: Type.Array(Type.Object(SUMMARY)),
  total: Type.Integer({ description: "how many there are, on all pages" }),
  next: Type.Optional(Type.String({ description: "`before` of the next page; left out on the last one" })),
  store: Type.String({ description: "memory: the sessions of this instance; database: of all instances" }),
});

const Decision = Type.Object({
  id: Type.String(),
  position: Type.String({ description: "pre, mid or post" }),
  firstListedAt: Type.String({ description: "ISO 8601" }),
  at: Type.Optional(Type.Number({ description: "VOD: second of the content; left out at its end" })),
  mediaSequence: Type.Optional(Type.Integer({ description: "live: the segment from which on content gives way" })),
  availSeconds: Type.Number({ description: "0: not known, or the break is inserted" }),
  ads: Type.Array(
    Type.Object({
      id: Type.String(),
      title: Type.String(),
      adSystem: Type.String(),
      creativeId: Type.Optional(Type.String()),
      seconds: Type.Number(),
      isRepackaged: Type.Boolean(),
    }),
  ),
  skipped: Type.Array(
    Type.Object({
      id: Type.Optional(Type.String()),
      adSystem: Type.String(),
      creativeId: Type.Optional(Type.String()),
      reason: Type.String(),
      message: Type.String(),
    }),
  ),
});

const COMMON = { tags: ["manifest"], security: [{ bearer: [] }] };
const ERRORS = { 400: ErrorBody, 401: ErrorBody };

/** `GET /v1/sessions`, `GET /v1/sessions/{id}`. */
export const sessionRoutes: FastifyPluginAsyncTypebox<SessionRoutesOptions> = async (
  app,
  { store, kind, authorise },
) => {
  app.addHook("onRequest", authorise);
  app.addHook("onRequest", async (_request, reply) => void reply.header("cache-control", "no-store"));

  const list = {
    ...COMMON,
    summary: "Sessions that are alive, the newest first",
    querystring: Type.Object({
      zone: Type.Optional(ZoneName),
      limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: 50 }),
      before: Type.Optional(plainText(100, "`next` of the page before")),
    }),
    response: { 200: Page, ...ERRORS },
  };
  app.get("/v1/sessions", { schema: list }, async (request, reply) => {
    const { zone, limit, before } = request.query;
    if (before !== undefined && parsePosition(before) === undefined) {
      const got = JSON.stringify(before);
      throw new HttpError("invalid-request", `before: expected \`next\` of the page before, got ${got}`);
    }
    const { sessions, total, next } = await store.list({ zone, limit, before });
    return reply.send({
      sessions: sessions.map(describeSession),
      total,
      ...(next !== undefined && { next }),
      store: kind,
    });
  });

  const one = {
    ...COMMON,
    summary: "One session with what was decided for its breaks; to look at it keeps it no longer",
    params: Type.Object({ id: Type.String({ pattern: "^[\\w-]{1,64}$" }) }),
    response: {
      200: Type.Object({ ...SUMMARY, decisions: Type.Array(Decision) }),
      404: ErrorBody,
      ...ERRORS,
    },
  };
  app.get("/v1/sessions/:id", { schema: one }, async (request, reply) => {
    const { id } = request.params;
    const found = await store.show(id);
    if (!found) throw new HttpError("not-found", `session ${id}: expected one that is alive, got none`);
    return reply.send({ ...describeSession(found), decisions: found.rows.flatMap(describeRow) });
  });
};

function describeSession({ session, usedAt, kind, breaks }: ListedSession) {
  const { id, zone, assetId: asset, contentUrl, createdAt, viewer } = session;
  return {
    id,
    zone,
    asset,
    contentUrl: withoutSecrets(contentUrl),
    startedAt: new Date(createdAt).toISOString(),
    lastSeenAt: new Date(usedAt).toISOString(),
    ...(kind !== undefined && { kind }),
    breaks: breaks.length,
    ...addSummaries(breaks),
    userAgent: viewer.userAgent,
  };
}

/** User, place, query. */
const URL_IN_TEXT = /(https?:\/\/)(?:[^\s"/?#]*@)?([^\s"?]*)(\?[^\s"]*)?/gi;

/** A key of an ad server may be in the addresses that a sentence has. */
function hideSecrets(sentence: string): string {
  return sentence.replaceAll(URL_IN_TEXT, (_url, scheme: string, place: string, query: string | undefined) => {
    return `${scheme}${hidePathValues(place)}${query === undefined ? "" : "?…"}`;
  });
}

/** What stands behind it, before its host, or signed in its path, may be what lets a viewer in. */
function withoutSecrets(address: string): string {
  const url = new URL(address);
  return url.origin + hidePathValues(url.pathname);
}

/** None where nothing is decided yet, or the row only says which breaks there are. */
function describeRow({ breakId, firstListedAt, decision }: BreakRow) {
  if (decision === undefined || decision.planned !== undefined) return [];
  const { position, place, availDuration: availSeconds, ads, skipped } = decision;
  return [
    {
      id: breakId,
      position,
      firstListedAt: new Date(firstListedAt).toISOString(),
      ...(place.kind === "vod" && place.time !== "end" && { at: place.time }),
      ...(place.kind === "live" && { mediaSequence: place.mediaSequence }),
      availSeconds,
      ads: ads.map(({ adId: id, title, adSystem, creativeId, duration: seconds, isRepackaged }) => ({
        id,
        title,
        adSystem,
        ...(creativeId !== undefined && { creativeId }),
        seconds,
        isRepackaged,
      })),
      skipped: skipped.map(({ adId, adSystem, creativeId, reason, message }) => ({
        ...(adId !== undefined && { id: adId }),
        adSystem,
        ...(creativeId !== undefined && { creativeId }),
        reason,
        message: hideSecrets(message),
      })),
    },
  ];
}
