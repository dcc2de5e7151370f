/**
 * Subtitles at a break.
 *
 *   GET /auditude/webvtt/blank.vtt                 no cue: what subtitle playlists list for the time of an ad
 *   GET /auditude/webvtt/{session}/{base64url}.vtt one part of a subtitle segment, its cues cut at the break
 *
 * A segment that cannot be had or read costs no content: the player is sent to the segment itself.
 *
 * @see primetime.md §1.11; docs/decisions/0014-subtitles-at-a-break.md
 */
import {
  BLANK_WEBVTT,
  clipWebVtt,
  cueTimeAtProgramme,
  cueTimeAtPts,
  EMPTY_CUE,
  parseWebVtt,
  type WebVtt,
} from "@interlude/core";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HttpError } from "../../http-error.ts";
import type { Signer } from "../signature.ts";
import { BLANK_WEBVTT_PATH, readClip, WEBVTT_PREFIX, type WebVttClip } from "./webvtt.ts";
import type { WebVttSource } from "./webvtt-source.ts";

/** `clipped`: cues were cut; `unknown`: the time of the cut was not known; `passed-on`: the segment could not be read. */
export type WebVttOutcome = "clipped" | "unknown" | "passed-on";

export interface WebVttDeps extends WebVttSource {
  /** Made for `WEBVTT_PURPOSE`. */
  readonly signer: Signer;
  /** `Cookie` of the session for an address of its content; undefined: none, also where the session is forgotten. */
  readonly readCookie: (sessionId: string, url: URL) => Promise<string | undefined>;
  /** `ms`: from the request to the answer. */
  readonly count: (outcome: WebVttOutcome, ms: number) => void;
}

const CONTENT_TYPE = "text/vtt; charset=utf-8";

/** Fastify plugin. */
export async function webVttRoutes(app: FastifyInstance, deps: WebVttDeps): Promise<void> {
  app.get(BLANK_WEBVTT_PATH, async (_request, reply) => {
    // The same for everybody, hence for any page without credentials.
    reply.header("access-control-allow-origin", "*").removeHeader("access-control-allow-credentials");
    reply.removeHeader("vary").header("cache-control", "public, max-age=31536000, immutable").type(CONTENT_TYPE);
    return BLANK_WEBVTT;
  });
  app.get(`${WEBVTT_PREFIX}:session/:segment`, (request, reply) => answerClip(request, reply, deps));
}

async function answerClip(request: FastifyRequest, reply: FastifyReply, deps: WebVttDeps): Promise<FastifyReply> {
  const address = readClip(request.url, deps.signer);
  if (address === undefined) {
    throw new HttpError("signature-invalid", "subtitles: expected an address that this server wrote, got another");
  }
  const { clip, sessionId } = address;
  const url = new URL(clip.url);
  const cookie = await deps.readCookie(sessionId, url);
  const vtt = await deps.loadWebVtt(url, cookie);
  if (vtt === undefined) {
    deps.count("passed-on", reply.elapsedTime);
    return reply.header("cache-control", "no-store").redirect(clip.url, 302);
  }
  const start = await findStart(vtt, clip, cookie, deps);
  deps.count(start === undefined ? "unknown" : "clipped", reply.elapsedTime);
  reply.header("cache-control", "private, max-age=3600").type(CONTENT_TYPE);
  return reply.send(clipFrom(vtt, clip, start));
}

/** Where the segment starts on the clock of its cues, milliseconds. */
async function findStart(
  vtt: WebVtt,
  clip: WebVttClip,
  cookie: string | undefined,
  deps: WebVttDeps,
): Promise<number | undefined> {
  const pts = clip.reference && (await deps.loadPts(clip.reference, cookie));
  if (clip.reference && pts !== undefined) return cueTimeAtPts(vtt, pts + clip.reference.offset);
  return clip.programmeTime === undefined ? undefined : cueTimeAtProgramme(vtt, clip.programmeTime, clip.duration);
}

/** Where the time of the cut is not known the part that begins the segment is the whole of it, and all others are empty. */
function clipFrom(vtt: WebVtt, { from, to }: WebVttClip, start: number | undefined): string {
  if (start === undefined) return (from ?? 0) > 0 ? BLANK_WEBVTT : vtt.text;
  const text = clipWebVtt(vtt, {
    fromMs: from === undefined ? -Infinity : start + from * 1000,
    toMs: to === undefined ? Infinity : start + to * 1000,
  });
  const isFirstAfterBreak = from !== undefined;
  return isFirstAfterBreak && parseWebVtt(text)?.cues.length === 0 ? `${text}\n\n${EMPTY_CUE}` : text;
}
