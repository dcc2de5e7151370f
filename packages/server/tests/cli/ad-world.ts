/** An ad server and a media server in one, on loopback. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { startServer } from "../crs/test-crs.ts";
import { testMedia } from "../crs/test-media.ts";

export interface AdWorld {
  readonly origin: string;
  /** `127.0.0.1:port` */
  readonly host: string;
  /** How often a path was asked for. */
  count(path: string): number;
  close(): Promise<void>;
}

export interface MediaFileText {
  readonly path: string;
  readonly type?: string;
  readonly bitrate?: number;
}

/** One in-line ad of one creative. */
export function inLine(origin: string, id: string, files: readonly MediaFileText[], sequence?: number): string {
  const media = files.map(
    ({ path, type = "video/mp4", bitrate = 500 }) =>
      `<MediaFile delivery="progressive" type="${type}" width="320" height="180" bitrate="${bitrate}"><![CDATA[${origin}${path}]]></MediaFile>`,
  );
  return `<Ad id="${id}"${sequence === undefined ? "" : ` sequence="${sequence}"`}><InLine><AdSystem>T</AdSystem>
    <AdTitle>t</AdTitle><Impression>${origin}/impression</Impression><Creatives><Creative id="c-${id}"><Linear>
    <Duration>00:00:03</Duration><MediaFiles>${media.join("")}</MediaFiles></Linear></Creative></Creatives></InLine></Ad>`;
}

export function wrapper(url: string, id = "w"): string {
  return `<Ad id="${id}"><Wrapper><AdSystem>W</AdSystem><VASTAdTagURI><![CDATA[${url}]]></VASTAdTagURI>
    <Impression>${url}?impression</Impression></Wrapper></Ad>`;
}

export const vast = (...ads: readonly string[]): string => `<VAST version="4.2">${ads.join("")}</VAST>`;

/** `/media/…/<name>` is a test medium, `/broken…` is none, the rest is what `answer` makes of a path. */
export async function startAdWorld(answer: (path: string, origin: string) => string | undefined): Promise<AdWorld> {
  const pathOf = (url: string | undefined): string => (url ?? "").split("?")[0] ?? "";
  const { base, requests, close } = await startServer((request, response) => {
    const path = pathOf(request.url);
    if (path.startsWith("/media/")) {
      response.writeHead(200, { "content-type": "video/mp4" }).end(readFileSync(testMedia(basename(path))));
    } else if (path.startsWith("/broken")) {
      response.end("this is not a film");
    } else {
      const text = answer(path, `http://${request.headers.host}`);
      response.writeHead(text === undefined ? 404 : 200, { "content-type": "application/xml" }).end(text);
    }
  });
  const count = (path: string): number => requests.filter((url) => pathOf(url) === path).length;
  return { origin: base.origin, host: base.host, count, close };
}
