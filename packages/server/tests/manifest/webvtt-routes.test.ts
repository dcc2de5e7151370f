import type { RequestListener } from "node:http";
import { BLANK_WEBVTT, EMPTY_CUE } from "@interlude/core";
import { fastify } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { createGuardedFetch } from "../../src/guarded-fetch.ts";
import { registerErrors } from "../../src/http-error.ts";
import { createSigner } from "../../src/manifest/signature.ts";
import {
  BLANK_WEBVTT_PATH,
  formatClipUrl,
  WEBVTT_PURPOSE,
  type WebVttClip,
} from "../../src/manifest/subtitles/webvtt.ts";
import { webVttRoutes } from "../../src/manifest/subtitles/webvtt-routes.ts";
import { createByteFetch, createWebVttSource } from "../../src/manifest/subtitles/webvtt-source.ts";
import { loopback } from "../http/loopback.ts";

const signer = createSigner("secret", WEBVTT_PURPOSE);
const SESSION = "0b2f6b1e-8a51-4a0c-9a42-3b1f6f9d8c11";
const LONG_CUE = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n00:31.000 --> 00:41.000\nten seconds\n";

/** One packet of a transport stream, with a PES packet of pictures that has this time stamp in its payload. */
function tsPacket(pts: number): Buffer {
  const ticks = Math.round(pts * 90_000);
  const stamp = [
    0x21 | ((Math.floor(ticks / 2 ** 30) & 7) << 1),
    (ticks >> 22) & 0xff,
    0x01 | ((ticks >> 14) & 0xfe),
    (ticks >> 7) & 0xff,
    0x01 | ((ticks << 1) & 0xfe),
  ];
  const pes = [0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, ...stamp];
  return Buffer.concat([Buffer.from([0x47, 0x41, 0, 0x10, ...pes]), Buffer.alloc(188 - 4 - pes.length, 0xff)]);
}

interface Opened {
  readonly origin: string;
  readonly requests: {
    readonly path: string;
    readonly cookie: string | undefined;
    readonly range: string | undefined;
  }[];
  readonly outcomes: string[];
  readonly failures: string[];
  readonly clock: { now: number };
  readonly get: (clip: Partial<WebVttClip> & { readonly path: string }) => Promise<Answer>;
  readonly getPath: (path: string) => Promise<Answer>;
}

interface Answer {
  readonly statusCode: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** The routes over a real origin. */
async function open(answer: RequestListener): Promise<Opened> {
  const [requests, outcomes, failures]: [Opened["requests"], string[], string[]] = [[], [], []];
  const { origin, port } = await loopback((request, response) => {
    requests.push({ path: request.url ?? "", cookie: request.headers.cookie, range: request.headers.range });
    answer(request, response);
  });
  const guarded = createGuardedFetch({ allowPrivate: [`127.0.0.1:${port}`], idleTimeoutMs: 1000 });
  const clock = { now: 0 };
  const source = createWebVttSource({
    fetchBytes: createByteFetch(guarded),
    now: () => clock.now,
    onFailure: (_url, error) => failures.push(String(error)),
  });
  const app = fastify({ routerOptions: { maxParamLength: 4096 } });
  registerErrors(app);
  const readCookie = async (id: string): Promise<string | undefined> => (id === SESSION ? "a=1" : undefined);
  await app.register(webVttRoutes, { ...source, signer, readCookie, count: (outcome) => outcomes.push(outcome) });
  onTestFinished(async () => {
    await app.close();
    await guarded.close();
  });
  const getPath = async (path: string): Promise<Answer> => {
    const { statusCode, body, headers } = await app.inject({ url: path });
    return { statusCode, body, headers };
  };
  const get = ({ path, ...clip }: Partial<WebVttClip> & { readonly path: string }): Promise<Answer> => {
    const none = { from: undefined, to: undefined, duration: 20, programmeTime: undefined, reference: undefined };
    const input = { sessionId: SESSION, signer, baseUrl: new URL("http://manifest.example/") };
    const url = formatClipUrl(input, { ...none, url: origin + path, ...clip });
    return getPath(url.pathname + url.search);
  };
  return { origin, requests, outcomes, failures, clock, get, getPath };
}

describe("GET /auditude/webvtt/{session}/{segment}.vtt", () => {
  test("a cue of 10 s that a break cuts at 5 s by the media's clock is 5 s long on each side", async () => {
    const { get, origin, outcomes } = await open((request, response) =>
      response.end(request.url === "/v.ts" ? tsPacket(40) : LONG_CUE),
    );
    // At the start of the segment the media's clock reads 40 s, hence that of the cues 30 s.
    const reference = { url: `${origin}/v.ts`, start: 0, mapUrl: undefined, offset: 0 };
    const before = await get({ path: "/s.vtt", to: 6, reference });
    expect(before.statusCode).toBe(200);
    expect(before.headers["content-type"]).toBe("text/vtt; charset=utf-8");
    expect(before.headers["cache-control"]).toBe("private, max-age=3600");
    expect(before.body).toBe(LONG_CUE.replace("00:41.000", "00:00:36.000"));
    expect((await get({ path: "/s.vtt", from: 6, reference })).body).toBe(
      LONG_CUE.replace("00:31.000", "00:00:36.000"),
    );
    expect(outcomes).toEqual(["clipped", "clipped"]);
  });

  test("by the time of the programme where no media segment tells", async () => {
    const { get, outcomes } = await open((_request, response) => response.end(LONG_CUE));
    expect((await get({ path: "/s.vtt", to: 6, programmeTime: 30 })).body).toContain("00:31.000 --> 00:00:36.000");
    expect(outcomes).toEqual(["clipped"]);
  });

  test("by the time of the programme where the media segment holds no time stamp or is gone", async () => {
    const { get, origin } = await open((request, response) => {
      if (request.url === "/gone.ts") response.writeHead(404);
      response.end(request.url === "/s.vtt" ? LONG_CUE : "<html>");
    });
    for (const name of ["gone.ts", "page.ts"]) {
      const reference = { url: `${origin}/${name}`, start: 0, mapUrl: undefined, offset: 5 };
      const { body } = await get({ path: "/s.vtt", to: 6, programmeTime: 30, reference });
      expect(body).toContain("00:31.000 --> 00:00:36.000");
    }
  });

  test("a segment whose clock is not known is whole in its first part, and empty in all others", async () => {
    const { get, outcomes } = await open((_request, response) => response.end(LONG_CUE));
    expect((await get({ path: "/s.vtt", to: 6 })).body).toBe(LONG_CUE);
    expect((await get({ path: "/s.vtt", from: 6 })).body).toBe(BLANK_WEBVTT);
    expect(outcomes).toEqual(["unknown", "unknown"]);
  });

  test("the part behind a break shows a millisecond of nothing where it has no cue, for hls.js to wait", async () => {
    const { get } = await open((_request, response) => response.end(LONG_CUE));
    const header = LONG_CUE.slice(0, LONG_CUE.indexOf("00:31"));
    expect((await get({ path: "/s.vtt", from: 15, programmeTime: 30 })).body).toBe(`${header}\n\n${EMPTY_CUE}`);
    expect((await get({ path: "/s.vtt", to: 0.5, programmeTime: 30 })).body).toBe(header);
  });

  test("the session's cookies go to the content's origin, with the range of the media segment", async () => {
    const { get, origin, requests } = await open((request, response) => {
      response.writeHead(request.url === "/s.vtt" ? 200 : 206);
      response.end(request.url === "/s.vtt" ? LONG_CUE : tsPacket(40));
    });
    const reference = { url: `${origin}/v.ts`, start: 1880, mapUrl: undefined, offset: 0 };
    expect((await get({ path: "/s.vtt", to: 6, reference })).body).toContain("00:00:36.000");
    expect(requests).toEqual([
      { path: "/s.vtt", cookie: "a=1", range: undefined },
      { path: "/v.ts", cookie: "a=1", range: "bytes=1880-132951" },
    ]);
  });

  test("many who ask at once cause one fetch; a minute later the origin is asked again", async () => {
    const { get, requests, clock } = await open((_request, response) => response.end(LONG_CUE));
    await Promise.all([1, 2, 3, 4].map((to) => get({ path: "/s.vtt", to, programmeTime: 30 })));
    expect(requests).toHaveLength(1);
    clock.now = 60_000;
    await get({ path: "/s.vtt", to: 1, programmeTime: 30 });
    expect(requests).toHaveLength(2);
  });

  test.each<readonly [string, RequestListener]>([
    ["404", (_request, response) => response.writeHead(404).end(LONG_CUE)],
    ["500", (_request, response) => response.writeHead(500).end()],
    ["a page", (_request, response) => response.end("<html>")],
    ["nothing", (_request, response) => response.end()],
    ["6 MB", (_request, response) => response.end(`${LONG_CUE}${"\n".repeat(6_000_000)}`)],
    [
      "a cut connection",
      (_request, response) =>
        response.writeHead(200, { "content-length": "99" }).end("WEBVTT", () => response.destroy()),
    ],
    ["silence", () => undefined],
  ])(
    "an origin that answers %s: the player is sent to the segment itself, which costs no content",
    async (_name, answer) => {
      const { get, origin, outcomes } = await open(answer);
      const { statusCode, headers } = await get({ path: "/s.vtt", to: 6, programmeTime: 30 });
      expect(statusCode).toBe(302);
      expect(headers["location"]).toBe(`${origin}/s.vtt`);
      expect(headers["cache-control"]).toBe("no-store");
      expect(outcomes).toEqual(["passed-on"]);
    },
  );

  test("a failure is not remembered", async () => {
    let status = 503;
    const { get, failures } = await open((_request, response) => response.writeHead(status).end(LONG_CUE));
    expect((await get({ path: "/s.vtt", to: 6, programmeTime: 30 })).statusCode).toBe(302);
    expect(failures).toEqual(["Error: expected status 200 and at most 5000000 bytes, got 503"]);
    status = 200;
    expect((await get({ path: "/s.vtt", to: 6, programmeTime: 30 })).statusCode).toBe(200);
  });

  test("a segment of 5 MB of cues is cut", async () => {
    const cue = "0:31.000 --> 0:41.000\nx\n\n";
    const { get } = await open((_request, response) => response.end(`WEBVTT\n\n${cue.repeat(195_000)}`));
    const { statusCode, body } = await get({ path: "/s.vtt", to: 6, programmeTime: 30 });
    expect(statusCode).toBe(200);
    expect(body.match(/00:00:36\.000/g)).toHaveLength(195_000);
  });

  test("an address that this server did not sign is refused, and nothing is fetched", async () => {
    const { getPath, origin, requests } = await open((_request, response) => response.end(LONG_CUE));
    const segment = Buffer.from(`${origin}/s.vtt`).toString("base64url");
    for (const query of ["", "?from=0", `?from=0&sig=${"A".repeat(22)}`, "?from=0&sig=%00"]) {
      const { statusCode, body } = await getPath(`/auditude/webvtt/${SESSION}/${segment}.vtt${query}`);
      expect(statusCode).toBe(403);
      expect(JSON.parse(body)).toEqual({
        error: {
          code: "signature-invalid",
          message: "subtitles: expected an address that this server wrote, got another",
        },
      });
    }
    expect(requests).toEqual([]);
  });

  test("the signature of one session's address does not serve another's", async () => {
    const { getPath, origin, requests } = await open((_request, response) => response.end(LONG_CUE));
    const clip = { url: `${origin}/s.vtt`, from: 0, to: 1, duration: 6, programmeTime: 30, reference: undefined };
    const url = formatClipUrl({ sessionId: SESSION, signer, baseUrl: new URL(origin) }, clip);
    const foreign = (url.pathname + url.search).replace(SESSION, "11111111-8a51-4a0c-9a42-3b1f6f9d8c11");
    expect((await getPath(foreign)).statusCode).toBe(403);
    expect(requests).toEqual([]);
  });
});

test("the blank file is the same for everybody: any page may read it, for a year", async () => {
  const { getPath } = await open((_request, response) => response.end());
  const { statusCode, headers, body } = await getPath(BLANK_WEBVTT_PATH);
  expect({ statusCode, body }).toEqual({ statusCode: 200, body: BLANK_WEBVTT });
  expect(headers).toMatchObject({
    "content-type": "text/vtt; charset=utf-8",
    "cache-control": "public, max-age=31536000, immutable",
    "access-control-allow-origin": "*",
  });
});
