/**
 * The web around a player, on one loopback server: content of every kind, ads, a CDN with their repackaged copies, an ad server whose
 * answers a spec writes, and a log of all beacons. Any part of it can be broken.
 */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { creativeKey, masterPath, type Packaging } from "@interlude/core";
import { addCues, type ChannelBreak } from "../live-channel.ts";
import { AD_NAMES, type AdName, ADS, type ContentKind, PARTS, SEGMENT } from "./catalog.ts";
import { makePluginMedia } from "./media.ts";
import { formatEvent, formatLive, formatLowLatency } from "./playlists.ts";
import { formatVast, formatVmap, type VastAd, type VmapBreak } from "./vast.ts";
import { createWorldFiles, type FileBehaviours, type WorldFiles, type WorldRead } from "./world-files.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".html": "text/html",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".ts": "video/mp2t",
  ".m4s": "video/mp4",
  ".mp4": "video/mp4",
  ".vtt": "text/vtt",
  ".json": "application/json",
};

/** What an address answers. It waits for both `delayMs` and `until`. */
export interface WorldAnswer {
  readonly status?: number;
  readonly body?: string;
  /** MIME type; default: XML. */
  readonly type?: string;
  readonly delayMs?: number;
  readonly until?: Promise<unknown>;
}

/** One request to `/track/{owner}/{event}`. */
export interface WorldBeacon {
  /** The ad's id, or the break's. */
  readonly owner: string;
  readonly event: string;
  readonly query: URLSearchParams;
  /** Unix time, milliseconds. */
  readonly receivedAt: number;
}

export interface WorldRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly receivedAt: number;
}

/** `404`; no answer ever; bytes that mean nothing; the connection closed; media slower than it plays; or what becomes of a media file. */
export type Fault = "404" | "hang" | "garbage" | "reset" | "slow" | ((file: Buffer) => Buffer | Promise<Buffer>);

/** An ad in an answer: its media file is an MP4 whose repackaged copies are on the CDN, or HLS as it is. */
export interface WorldAd extends Partial<Omit<VastAd, "mediaFiles">> {
  readonly ad: AdName;
  readonly media?: "mp4" | Packaging;
}

export type MovingKind = "event" | "live" | "low-latency";

export interface World {
  /** Of the media, the CDN and the ad server. */
  readonly url: URL;
  /** The publisher's page, on another origin. */
  readonly pageUrl: URL;
  readonly zoneUrl: string;
  readonly contentUrl: (kind: ContentKind) => string;
  /** An HLS creative. */
  readonly adUrl: (ad: AdName, packaging: Packaging) => string;
  /** The MP4 creative, and the path of its repackaged copy. */
  readonly creativeUrl: (ad: AdName) => string;
  readonly cdnPath: (ad: AdName, packaging: Packaging) => string;
  /** Sets what a path answers from now on, before anything else; returns its URL. */
  readonly answer: (path: string, answer: WorldAnswer | ((query: URLSearchParams) => WorldAnswer)) => string;
  /** Sets what file a path hands out, and how; returns its URL. */
  readonly serve: (path: string, file: string | Buffer, behaviours?: FileBehaviours) => string;
  /** Requests for such files, in order of arrival, and what was sent. */
  readonly reads: WorldRead[];
  /** Answers VAST with these ads; none: an empty response. Returns the tag's URL. */
  readonly answerVast: (path: string, ...ads: readonly (AdName | WorldAd)[]) => string;
  /** Answers VMAP with a VAST of these ads in each break. */
  readonly answerVmap: (
    path: string,
    breaks: readonly (Omit<VmapBreak, "source"> & { readonly ads: readonly (AdName | WorldAd)[] })[],
  ) => string;
  /** The text of a VAST response. */
  readonly vast: (...ads: readonly (AdName | WorldAd)[]) => string;
  /** In order of arrival; of one owner where it is given. */
  readonly beacons: (owner?: string) => readonly WorldBeacon[];
  /** All that arrived but beacons. */
  readonly requests: WorldRequest[];
  /** Breaks every path that matches; returns what heals it. */
  readonly fail: (pattern: RegExp, fault: Fault) => () => void;
  /** How many segments an EVENT or a live playlist lists, from the channel's first. */
  readonly list: (kind: MovingKind, segments: number) => void;
  /** From now on it lists one more every two seconds. */
  readonly run: (kind: MovingKind) => void;
  /** Avails of the live channel, as cues; by media sequence number. */
  readonly setCues: (breaks: readonly ChannelBreak[]) => void;
  readonly close: () => Promise<void>;
}

/** Segments that an EVENT or live playlist lists at first, and the length of the live window. */
const LISTED = 6;
const DVR_WINDOW = 12;
/** 8 kB a second: a third of what the lower rendition needs. */
const SLOW_BYTES = 800;
const SLOW_MS = 100;
const ZONE = "1";
const MOVING: readonly MovingKind[] = ["event", "live", "low-latency"];

interface BrokenPath {
  readonly pattern: RegExp;
  readonly fault: Fault;
}

interface State {
  readonly folder: string;
  readonly answers: Map<string, (query: URLSearchParams) => WorldAnswer>;
  readonly files: WorldFiles;
  readonly faults: Set<BrokenPath>;
  readonly requests: WorldRequest[];
  readonly beacons: WorldBeacon[];
  readonly listed: Map<MovingKind, { readonly segments: number; readonly runsSince: number | undefined }>;
  cues: readonly ChannelBreak[];
}

/** Starts the server on a free port; `close` ends it with all that hangs on it. */
export async function startWorld(): Promise<World> {
  const state: State = {
    folder: await makePluginMedia(),
    answers: new Map(),
    files: createWorldFiles(),
    faults: new Set(),
    requests: [],
    beacons: [],
    listed: new Map(MOVING.map((kind) => [kind, { segments: LISTED, runsSince: undefined }])),
    cues: [],
  };
  const server = createServer((request, response) => {
    respond(request, response, state).catch((cause: unknown) => response.writeHead(500).end(String(cause)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const url = new URL(`http://127.0.0.1:${port}/`);
  const close = (): Promise<void> =>
    new Promise((done) => {
      server.closeAllConnections();
      server.close(() => done());
    });
  const controls = createControls(state, url);
  await publishCopies(state.folder, controls);
  return { url, pageUrl: new URL(`http://localhost:${port}/page/`), close, ...controls };
}

function createControls(state: State, url: URL): Omit<World, "url" | "pageUrl" | "close"> {
  const resolve = (path: string): string => new URL(path, url).href;
  const creativeUrl = (ad: AdName): string => resolve(`/creatives/${ad}.mp4`);
  const cdnPath: World["cdnPath"] = (ad, packaging) =>
    `/cdn/a/${masterPath(ZONE, creativeKey(ZONE, creativeUrl(ad)), { packaging, targetDuration: SEGMENT })}`;
  const adUrl: World["adUrl"] = (ad, packaging) => resolve(`/media/ads/${ad}/${packaging}/master.m3u8`);
  const answer: World["answer"] = (path, given) => {
    state.answers.set(path, typeof given === "function" ? given : () => given);
    return resolve(path);
  };
  const describeAd = (wanted: AdName | WorldAd): VastAd => {
    const { ad, media = "mp4", ...rest } = typeof wanted === "string" ? { ad: wanted } : wanted;
    const file =
      media === "mp4"
        ? { url: creativeUrl(ad), type: "video/mp4" }
        : { url: adUrl(ad, media), type: "application/x-mpegURL" };
    return { id: ad, duration: ADS[ad].duration, mediaFiles: [file], ...rest };
  };
  const track = resolve("/track/");
  const vast: World["vast"] = (...ads) => {
    const count = ads.length;
    const ordered = ads.map(describeAd).map((ad, index) => (count > 1 ? { sequence: index + 1, ...ad } : ad));
    return formatVast(track, ordered);
  };
  const zone = { zone: ZONE, cdns: { a: "/cdn/a/" }, defaultCdn: "a" };
  return {
    zoneUrl: answer(`/v1/zones/${ZONE}.json`, { body: JSON.stringify(zone), type: "application/json" }),
    contentUrl: (kind) => resolve(`/media/${kind}/master.m3u8`),
    adUrl,
    creativeUrl,
    cdnPath,
    answer,
    vast,
    serve: (path, file, behaviours) => {
      state.files.serve(path, file, behaviours);
      return resolve(path);
    },
    reads: state.files.reads,
    answerVast: (path, ...ads) => answer(path, { body: vast(...ads) }),
    answerVmap: (path, breaks) => {
      const items = breaks.map(({ ads, ...rest }) => ({ ...rest, source: { vast: vast(...ads) } }));
      return answer(path, { body: formatVmap(track, items) });
    },
    beacons: (owner) => state.beacons.filter((beacon) => owner === undefined || beacon.owner === owner),
    requests: state.requests,
    fail: (pattern, fault) => {
      const entry = { pattern, fault };
      state.faults.add(entry);
      return () => state.faults.delete(entry);
    },
    list: (kind, segments) => state.listed.set(kind, { segments, runsSince: undefined }),
    run: (kind) => state.listed.set(kind, { segments: countListed(state, kind), runsSince: Date.now() }),
    setCues: (breaks) => {
      state.cues = breaks;
    },
  };
}

/** The CDN's copies: their masters refer to the media where they are. */
async function publishCopies(folder: string, { cdnPath, answer }: Pick<World, "cdnPath" | "answer">): Promise<void> {
  for (const ad of AD_NAMES) {
    for (const packaging of ["hls", "cmaf"] as const) {
      const base = `/media/ads/${ad}/${packaging}/`;
      const text = await readFile(join(folder, "ads", ad, packaging, "master.m3u8"), "utf8");
      const body = text.replaceAll(/^(?!#)(?=\S)/gm, base).replaceAll('URI="', `URI="${base}`);
      answer(cdnPath(ad, packaging), { body, type: "application/vnd.apple.mpegurl" });
    }
  }
}

/** Segments, and the share of the one that is under way. */
function countListed({ listed }: State, kind: MovingKind): number {
  const { segments, runsSince } = listed.get(kind) ?? { segments: LISTED, runsSince: undefined };
  const since = runsSince === undefined ? 0 : (Date.now() - runsSince) / 1000;
  return segments + since / SEGMENT;
}

async function respond(request: IncomingMessage, response: ServerResponse, state: State): Promise<void> {
  const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://world.invalid");
  const receivedAt = Date.now();
  const [, owner, event] = /^\/track\/([^/]+)\/([^/]+)$/.exec(pathname) ?? [];
  response.setHeader("access-control-allow-origin", "*");
  response.setHeader("access-control-allow-headers", "*");
  response.setHeader("cache-control", "no-store");
  const broken = [...state.faults].findLast(({ pattern }) => pattern.test(pathname));
  const fault = broken?.fault;
  if (owner === undefined || event === undefined)
    state.requests.push({ method: request.method ?? "GET", path: pathname, query, receivedAt });
  // the browser itself asks again where a connection is closed, Firefox ten times
  else if (fault !== "reset") state.beacons.push({ owner, event, query, receivedAt });
  if (fault === "hang") return;
  if (fault === "reset") return void request.socket.destroy();
  if (fault === "404") return void response.writeHead(404).end();
  if (fault === "garbage") return void response.writeHead(200).end(Buffer.alloc(4096, "\u0001interlude"));
  if (await state.files.respond(pathname, request, response)) return;
  if (request.method === "OPTIONS" || owner !== undefined) return void response.writeHead(204).end();
  const answer = state.answers.get(pathname)?.(query);
  if (!answer) return sendMedia(pathname, response, state, broken);
  await Promise.all([answer.until, answer.delayMs === undefined ? undefined : wait(answer.delayMs)]);
  response.writeHead(answer.status ?? 200, { "content-type": answer.type ?? "text/xml" }).end(answer.body ?? "");
}

async function sendMedia(path: string, response: ServerResponse, state: State, broken?: BrokenPath): Promise<void> {
  const file = await readMedia(path, state).catch(() => undefined);
  if (file === undefined) return void response.writeHead(404).end();
  const body = typeof broken?.fault === "function" ? await broken.fault(Buffer.from(file)) : Buffer.from(file);
  response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" });
  const isSlow = (): boolean => broken?.fault === "slow" && state.faults.has(broken);
  let sent = 0;
  for (; isSlow() && sent < body.length; sent += SLOW_BYTES) {
    response.write(body.subarray(sent, sent + SLOW_BYTES));
    await wait(SLOW_MS);
  }
  response.end(body.subarray(sent));
}

async function readMedia(path: string, state: State): Promise<string | Buffer> {
  const [, kind = "", file = ""] = /^\/media\/([\w-]+)\/(.+)$/.exec(path) ?? [];
  const moving = MOVING.find((one) => one === kind);
  const folder = join(state.folder, moving === "event" || moving === "live" ? "channel" : kind);
  const [, rung, segment] = /^(\d+)_segment_(\d+)\.m4s$/.exec(file) ?? [];
  if (rung !== undefined && segment !== undefined) return readParts(folder, rung, Number(segment));
  if (moving === undefined || !file.endsWith(".m3u8") || file === "master.m3u8") return readFile(join(folder, file));
  const text = await readFile(join(folder, file), "utf8");
  const listed = countListed(state, moving);
  return addCues(MOVE[moving](text, listed), state.cues);
}

const MOVE: Readonly<Record<MovingKind, (text: string, listed: number) => string>> = {
  event: (text, listed) => formatEvent(text, Math.floor(listed)),
  live: (text, listed) => formatLive(text, Math.floor(listed), DVR_WINDOW),
  "low-latency": (text, listed) => formatLowLatency(text, Math.floor(listed * PARTS)),
};

/** A segment is its parts. */
async function readParts(folder: string, rung: string, segment: number): Promise<Buffer> {
  const names = Array.from({ length: PARTS }, (_, part) => String(segment * PARTS + part).padStart(5, "0"));
  return Buffer.concat(await Promise.all(names.map((name) => readFile(join(folder, `${rung}_${name}.m4s`)))));
}
