/**
 * The manifest server's addresses below `/auditude`: who asks, for what, and whether this server signed it. What the answer is
 * lies in bootstrap.ts, session-master.ts and media.ts.
 *
 * @see Overview of Manifest Server interactions; DESIGN §7; docs/manifest-server.md
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { readBaseUrl } from "../base-url.ts";
import { HttpError } from "../http-error.ts";
import { requireZone, type ZoneConfig } from "../zones.ts";
import { type BootstrapAnswer, openBootstrap } from "./bootstrap.ts";
import { entityTag } from "./conditional.ts";
import type { ContentLoader } from "./content/content.ts";
import { createClientReader, type DescribeClient } from "./client.ts";
import { exchange, type ExchangeAnswer, type ExchangeDeps, type ExchangeFacts } from "./exchange.ts";
import type { SessionOptions } from "./options.ts";
import type { Overload } from "./operations/overload.ts";
import type { RateLimit } from "./operations/rate-limit.ts";
import { createOptionsReader } from "./read-options.ts";
import { openSession } from "./session/sessions.ts";
import type { SessionState, SessionStore, Viewer } from "./session/session.ts";
import { formatMasterAnswer } from "./content/session-master.ts";
import type { RequestTrace } from "./trace.ts";
import type { ManifestUrls, SessionAddress } from "./urls.ts";
import { createAddressVerifier, type VerifyAddress } from "./verified-addresses.ts";

/** One media playlist, asked for by one viewer; the address was signed by this server. */
export interface MediaRequest {
  readonly state: SessionState;
  readonly options: SessionOptions;
  readonly zone: ZoneConfig;
  readonly kind: "live" | "vod";
  /** Kilobits per second, or `webvtt`, `audio`, `video`, `iframe`, `image`. */
  readonly slot: string;
  readonly contentUrl: URL;
  /** As the viewer reached this server. */
  readonly baseUrl: URL;
  readonly viewer: Viewer;
  /** `pttrackingposition` is there: the sidecar is the answer. */
  readonly wantsSidecar: boolean;
  /** The server has too much to do: breaks that no playlist has shown yet are left to the content. */
  readonly isShed: boolean;
  /** See `OpenedSession`. */
  readonly isDetached: boolean;
  readonly trace: RequestTrace;
}

/** Conditional requests are answered from `etag` and `last-modified` where `headers` has them. */
export type MediaAnswer = ExchangeAnswer;

const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

export interface ManifestDeps extends ExchangeDeps {
  readonly store: SessionStore;
  readonly zones: readonly ZoneConfig[];
  readonly urls: ManifestUrls;
  readonly content: ContentLoader;
  readonly answerMedia: (request: MediaRequest) => Promise<MediaAnswer>;
  readonly publicHosts: readonly string[];
  readonly limit: Pick<RateLimit, "enter">;
  readonly overload: Pick<Overload, "isLean" | "admitSession" | "begin">;
}

interface BootstrapParams {
  readonly asset: string;
  readonly content: string;
}

interface SessionParams extends BootstrapParams {
  readonly session: string;
  readonly slot?: string;
}

/** Characters of a bootstrap's query: its session's addresses carry it, and clients send no more than 16 kB of headers. */
const MAX_QUERY = 8192;

function queryTooLong(length: number): HttpError {
  return new HttpError("invalid-request", `query: expected at most ${MAX_QUERY} characters, got ${length}`);
}

/** HEAD is refused like every other method, as Primetime did. */
const ROUTE = { exposeHeadRoute: false } as const;
const TAGS = ["manifest"];

/** Fastify plugin. */
export async function manifestRoutes(app: FastifyInstance, deps: ManifestDeps): Promise<void> {
  const readOptions = createOptionsReader(deps.zones);
  const verify = createAddressVerifier(deps.urls);
  const describeClient = createClientReader((request) => readBaseUrl(request, deps.publicHosts));
  const routes = createAnswers({ ...deps, readOptions, verify, describeClient });
  app.get<{ Params: BootstrapParams }>(
    "/auditude/variant/:asset/:content.m3u8",
    { ...ROUTE, schema: { summary: "Opens a session and tells where its master playlist is", tags: TAGS } },
    (request, reply) => routes.bootstrap(request, reply),
  );
  app.get<{ Params: SessionParams }>(
    "/auditude/variant/:asset/:session/:content.m3u8",
    { ...ROUTE, schema: { summary: "The master playlist of a session", tags: TAGS } },
    (request, reply) => routes.master(request, reply),
  );
  for (const kind of ["live", "vod"] as const) {
    app.get<{ Params: SessionParams }>(
      `/auditude/${kind}/:asset/:slot/:session/:content.m3u8`,
      { ...ROUTE, schema: { summary: "A media playlist with the session's ads, or its sidecar", tags: TAGS } },
      (request, reply) => routes.media(kind, request, reply),
    );
  }
  // Before a body is read, which may be of any type.
  app.all(
    "/auditude/*",
    { schema: { hide: true }, onRequest: async (request, reply) => refuse(request, reply) },
    () => {
      throw new HttpError("not-found", UNKNOWN);
    },
  );
}

const UNKNOWN = "expected /auditude/variant/{asset}/{base64url of the content's address}.m3u8, got another address";
const DASH = "DASH: expected an address that ends in .m3u8, got .mpd, which this server does not stitch";

function refuse({ method, url }: FastifyRequest, reply: FastifyReply): never {
  if (method !== "GET") {
    reply.header("allow", "GET, OPTIONS");
    throw new HttpError("method-not-allowed", `method: expected GET, got ${method}`);
  }
  throw new HttpError("not-found", /\.mpd(?:\?|$)/i.test(url) ? DASH : UNKNOWN);
}

interface Answers {
  bootstrap(request: FastifyRequest<{ Params: BootstrapParams }>, reply: FastifyReply): Promise<FastifyReply>;
  master(request: FastifyRequest<{ Params: SessionParams }>, reply: FastifyReply): Promise<FastifyReply>;
  media(
    kind: "live" | "vod",
    request: FastifyRequest<{ Params: SessionParams }>,
    reply: FastifyReply,
  ): Promise<FastifyReply>;
}

interface AnswerDeps extends ManifestDeps {
  readonly readOptions: (query: string) => SessionOptions;
  readonly verify: VerifyAddress;
  readonly describeClient: DescribeClient;
}

function createAnswers(deps: AnswerDeps): Answers {
  return {
    bootstrap: (request, reply) =>
      exchange("bootstrap", request, reply, deps, async (facts) => {
        deps.overload.admitSession();
        const { asset, content } = request.params;
        const { query } = facts;
        if (query.length > MAX_QUERY) throw queryTooLong(query.length);
        const { baseUrl, viewer } = deps.describeClient(request);
        const opened = await openBootstrap({ assetId: readAsset(asset), content, query, baseUrl, viewer }, deps);
        facts.sessionId = opened.sessionId;
        facts.options = opened.options;
        return formatBootstrap(opened);
      }),
    master: (request, reply) =>
      exchange("master", request, reply, deps, async (facts) => {
        const opened = await openVerified("variant", request, reply, facts, deps);
        const { body, lastModified } = await formatMasterAnswer({ ...opened, trace: facts.trace }, deps);
        return formatMaster(body, lastModified);
      }),
    media: (kind, request, reply) =>
      exchange(kind, request, reply, deps, async (facts) => {
        const { address, ...opened } = await openVerified(kind, request, reply, facts, deps);
        return deps.answerMedia({
          ...opened,
          kind,
          slot: address.slot,
          contentUrl: address.url,
          wantsSidecar: address.wantsSidecar,
          isShed: deps.overload.isLean,
          trace: facts.trace,
        });
      }),
  };
}

function formatBootstrap({ masterUrl, isJson }: BootstrapAnswer): MediaAnswer {
  const headers = { "cache-control": "no-store" };
  const outcome = "redirect" as const;
  if (!isJson) {
    return { status: 302, headers: { ...headers, location: masterUrl }, contentType: "text/plain", body: "", outcome };
  }
  const body = JSON.stringify({ "Master-M3U8": masterUrl });
  return { status: 200, headers, contentType: "application/json; charset=utf-8", body, outcome };
}

function formatMaster(body: string, lastModified: string | undefined): MediaAnswer {
  return {
    status: 200,
    headers: {
      "cache-control": "private, no-cache",
      etag: entityTag(body),
      ...(lastModified !== undefined && { "last-modified": lastModified }),
    },
    contentType: PLAYLIST_TYPE,
    body,
    outcome: "content",
  };
}

/** The session that an address is for, once it is known that this server wrote it and that the session may ask. */
async function openVerified(
  kind: SessionAddress["kind"],
  request: FastifyRequest<{ Params: SessionParams }>,
  reply: FastifyReply,
  facts: ExchangeFacts,
  deps: AnswerDeps,
) {
  const { asset: assetId, session, slot = "", content } = request.params;
  const address = deps.verify(request.url, { kind, assetId, slot, sessionId: session, content }, facts.query);
  facts.sessionId = session;
  const entered = deps.limit.enter(session, (leave) => reply.raw.once("close", leave));
  if (!(entered === true || (await entered))) throw new HttpError("overload", "the server is stopping");
  const { baseUrl, viewer } = deps.describeClient(request);
  const opened = await openSession(deps, address, { query: facts.query, viewer, now: deps.now() });
  const options = deps.readOptions(opened.state.session.query);
  facts.options = options;
  return { address, ...opened, options, zone: requireZone(deps.zones, options.zone), baseUrl, viewer };
}

/** What a path may hold: a name of one to 200 characters. */
function readAsset(asset: string): string {
  if (/^[^\p{Cc}\ufffd]{1,200}$/u.test(asset) && asset !== "." && asset !== "..") return asset;
  throw new HttpError("invalid-request", "asset: expected a name of 1 to 200 visible characters, got another");
}
