/**
 * The manifest server's routes over a real origin on loopback: bootstrap, master and media as they are, the ads left out. Its media
 * answers are the content's playlists as the loader gives them.
 */
import type { RequestListener } from "node:http";
import { fastify, type FastifyInstance, type LightMyRequestResponse } from "fastify";
import { onTestFinished } from "vitest";
import { registerCors } from "../../src/cors.ts";
import { fastifyOptions } from "../../src/fastify-options.ts";
import { createGuardedFetch } from "../../src/guarded-fetch.ts";
import { registerErrors } from "../../src/http-error.ts";
import { createContentLoader } from "../../src/manifest/content/content-loader.ts";
import type { ManifestFetch } from "../../src/manifest/manifest-fetch.ts";
import type { Overload } from "../../src/manifest/operations/overload.ts";
import { afterTimeout, createRateLimit, RATE_LIMIT } from "../../src/manifest/operations/rate-limit.ts";
import { type MediaRequest, manifestRoutes } from "../../src/manifest/routes.ts";
import { createMemorySessions } from "../../src/manifest/session/session-memory.ts";
import type { SessionStore } from "../../src/manifest/session/session.ts";
import { encodeContentUrl, manifestUrls } from "../../src/manifest/urls.ts";
import type { ZoneManifest } from "../../src/manifest/zone-manifest.ts";
import { standardZone, type ZoneConfig } from "../../src/zones.ts";
import { type Loopback, loopback } from "../http/loopback.ts";

export const SECRET = "the secret of these tests";

export const ZONE_MANIFEST: ZoneManifest = {
  contentOrigins: [],
  adTagUrl: undefined,
  availTagUrl: undefined,
  preRollTagUrl: undefined,
  fallbackTagUrl: undefined,
  adTimeoutMs: 1000,
  startBudgetMs: 1000,
  firstEncounter: undefined,
  cueFormat: undefined,
  rewriteRules: [],
  corsOrigins: undefined,
  originSecret: undefined,
};

export const MASTER = [
  "#EXTM3U",
  "#EXT-X-VERSION:4",
  "#EXT-X-INDEPENDENT-SEGMENTS",
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",URI="audio/en.m3u8"',
  '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",URI="subs/en.m3u8"',
  '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="CC",INSTREAM-ID="CC1"',
  "# a comment, and a tag that nobody knows",
  "#EXT-X-SOMETHING:1",
  '#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=640x360,CODECS="avc1.4d401e,mp4a.40.2",AUDIO="a",SUBTITLES="s"',
  "low.m3u8",
  "#EXT-X-STREAM-INF:BANDWIDTH=10000000,RESOLUTION=1920x1080",
  "/other/high.m3u8?x=1",
  '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,URI="low-i.m3u8"',
  '#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=9000,URI="thumbs.m3u8"',
  '#EXT-X-SESSION-KEY:METHOD=AES-128,URI="key.bin"',
  "",
].join("\n");

export const VOD = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,title\na.ts\n#EXTINF:2,\nb.ts\n#EXT-X-ENDLIST\n";
export const LIVE = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\na.ts\n#EXTINF:2,\nb.ts\n";

/** What the origin answers, by path; changeable while a test runs. */
export type Pages = Map<string, string | RequestListener>;

export interface ManifestWorld {
  readonly app: FastifyInstance;
  readonly origin: Loopback;
  readonly pages: Pages;
  /** `GET /path` of everything that reached the origin. */
  readonly asked: string[];
  readonly store: SessionStore;
  readonly media: MediaRequest[];
  readonly log: string[];
  /** Milliseconds since 1970; to be moved by the test. */
  readonly clock: { now: number };
  /** The path of a bootstrap for a path of the origin. */
  bootstrap(path: string, query?: string): string;
  get(url: string, headers?: Readonly<Record<string, string>>): Promise<LightMyRequestResponse>;
  /** Bootstrap and master; the addresses in the master. */
  start(query?: string, path?: string): Promise<{ readonly masterUrl: string; readonly addresses: readonly string[] }>;
}

export interface WorldOptions {
  readonly manifest?: Partial<ZoneManifest>;
  readonly maxSessions?: number;
  readonly timeoutMs?: number;
  readonly fetch?: ManifestFetch;
  readonly store?: SessionStore;
  readonly overload?: Pick<Overload, "isLean" | "admitSession" | "begin">;
}

export async function manifestWorld(options: WorldOptions = {}): Promise<ManifestWorld> {
  const pages: Pages = new Map<string, string | RequestListener>([
    ["/show/master.m3u8", MASTER],
    ["/show/low.m3u8", VOD],
  ]);
  const asked: string[] = [];
  const origin = await loopback((request, response) => {
    const path = request.url?.split("?")[0] ?? "";
    asked.push(request.url ?? "");
    const page = pages.get(path);
    if (page === undefined) response.writeHead(404).end();
    else if (typeof page === "string") response.end(page);
    else page(request, response);
  });
  const clock = { now: Date.UTC(2026, 0, 1) };
  const now = (): number => clock.now;
  const log: string[] = [];
  const note = (_fields: object, message: string): number => log.push(message);
  const zone: ZoneConfig = {
    ...standardZone("1", [{ name: "main", publicUrl: "/cdn/main/" }]),
    manifest: { ...ZONE_MANIFEST, contentOrigins: [origin.origin], ...options.manifest },
  };
  const zones = [zone, { ...zone, zone: "bare", manifest: undefined }];
  const store = options.store ?? createMemorySessions({ maxSessions: options.maxSessions ?? 100, idleMs: 1e9, now });
  const content = createContentLoader({
    fetch: options.fetch ?? guardedText(origin),
    zones,
    store,
    now,
    log: { info: note, warn: note },
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
  });
  const media: MediaRequest[] = [];
  const app = fastify(fastifyOptions({ logLevel: "silent", trustProxy: ["127.0.0.1"] }));
  registerErrors(app);
  registerCors(app, { apiOrigins: [], zones });
  const limit = createRateLimit({ ...RATE_LIMIT, now, after: afterTimeout });
  await app.register(manifestRoutes, {
    store,
    zones,
    urls: manifestUrls(SECRET),
    content,
    answerMedia: async (request: MediaRequest) => {
      media.push(request);
      const { state, options: read, contentUrl: url, trace } = request;
      const loaded = await content.loadMedia(
        { url, session: state.session, cookies: state.cookies, options: read },
        trace,
      );
      const headers = { etag: '"media"' };
      return { status: 200, headers, contentType: "application/vnd.apple.mpegurl", body: loaded.playlist.text };
    },
    publicHosts: ["manifest.example"],
    limit,
    overload: options.overload ?? { isLean: false, admitSession: () => undefined, begin: () => () => undefined },
    metrics: { countRequest: () => undefined },
    now,
    log: { info: note, warn: note },
  });
  onTestFinished(() => app.close());
  // Async, so that it is sent at once: what `inject` gives waits until it is awaited.
  const get: ManifestWorld["get"] = async (url, headers = {}) => {
    const { pathname, search, host } = new URL(url, "http://manifest.example");
    return app.inject({ url: pathname + search, headers: { host, ...headers } });
  };
  const bootstrap = (path: string, query = "z=1"): string =>
    `/auditude/variant/asset-1/${encodeContentUrl(new URL(path, origin.origin).href)}.m3u8?${query}`;
  const start: ManifestWorld["start"] = async (query = "z=1", path = "/show/master.m3u8") => {
    const masterUrl = (await get(bootstrap(path, query))).headers.location ?? "";
    const { body } = await get(masterUrl);
    return { masterUrl, addresses: body.match(/https?:\/\/[^"\s]*\/auditude\/(?:live|vod)\/[^"\s]*/g) ?? [] };
  };
  return { app, origin, pages, asked, store, media, log, clock, bootstrap, get, start };
}

/** The guarded client, reading whole texts. */
function guardedText(origin: Loopback): ManifestFetch {
  const guarded = createGuardedFetch({ allowPrivate: [`127.0.0.1:${origin.port}`] });
  onTestFinished(() => guarded.close());
  return async (url, fetchOptions) => {
    const { status, headers, url: last, body } = await guarded(url, fetchOptions);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return { status, headers, url: last, text: Buffer.concat(chunks).toString("utf8") };
  };
}
