/**
 * Content origin, ad server and CDN of the manifest server's bench: a live channel of plain segments with an avail near its edge, a
 * pod of two ads for each ad call with trackers of its own, and the ads' playlists. Playlists may be cached for a second.
 */
import { createServer } from "node:http";

export interface LiveShape {
  /** Segments in the playlist. */
  readonly window: number;
  /** Seconds of each segment. */
  readonly segmentDuration: number;
}

export interface BenchOrigin {
  readonly url: URL;
  /** Goes on with the channel's only avail; who has asked before has it before him. */
  readonly showAvail: (shape: LiveShape) => void;
  /** Ad calls so far. */
  readonly countCalls: () => number;
  readonly close: () => Promise<void>;
}

/** Segments of an avail, and of the two ads that fill it. */
const AVAIL_SEGMENTS = 4;
const AD_SEGMENTS = 2;
/** Of the avail, when it is listed first: playback is further behind the edge than that. */
const LISTED = 2;
const FIRST_NUMBER = 100_000;

interface Channel {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Media sequence number. */
  availAt: number | undefined;
  /** Segments that came before their time. */
  early: number;
}

export async function startBenchOrigin(): Promise<BenchOrigin> {
  const channels = new Map<string, Channel>();
  let calls = 0;
  const open = ({ window, segmentDuration }: LiveShape): Channel => {
    const key = `${window} ${segmentDuration}`;
    const channel = channels.get(key) ?? { startedAt: Date.now(), availAt: undefined, early: 0 };
    channels.set(key, channel);
    return channel;
  };
  const edgeOf = ({ window, segmentDuration }: LiveShape, { startedAt, early }: Channel): number =>
    FIRST_NUMBER + window + early + Math.floor((Date.now() - startedAt) / 1000 / segmentDuration);
  const answer = ({ pathname, searchParams, origin: base }: URL): string | undefined => {
    const [, folder, window, duration, file] = pathname.split("/");
    if (folder === "vast") return formatVast(base, (calls += 1), Number(searchParams.get("d")) / AVAIL_SEGMENTS);
    if (folder === "ads") return file === "master.m3u8" ? AD_MASTER : formatAd(Number(duration), window ?? "");
    if (folder !== "live") return undefined;
    if (file === "master.m3u8") return CONTENT_MASTER;
    const shape = { window: Number(window), segmentDuration: Number(duration) };
    const channel = open(shape);
    return formatLive(shape, edgeOf(shape, channel), channel.availAt);
  };
  const server = createServer((request, response) => {
    const text = answer(new URL(request.url ?? "/", `http://${request.headers.host}`));
    const headers = { "content-type": "application/vnd.apple.mpegurl", "cache-control": "max-age=1" };
    response.writeHead(text === undefined ? 404 : 200, headers).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    showAvail: (shape) => {
      const channel = open(shape);
      channel.availAt = edgeOf(shape, channel);
      channel.early += LISTED;
    },
    countCalls: () => calls,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}

/** The ad tag of an avail. */
export const AVAIL_TAG = "/vast?d=[BREAKMAXDURATION]";

/** Where a channel's master is. */
export function contentPath({ window, segmentDuration }: LiveShape): string {
  return `/live/${window}/${segmentDuration}/master.m3u8`;
}

const CONTENT_MASTER = [
  "#EXTM3U",
  ...[800_000, 2_000_000].flatMap((rate) => [
    `#EXT-X-STREAM-INF:BANDWIDTH=${rate},RESOLUTION=${rate > 1e6 ? "1280x720" : "640x360"}`,
    `${rate}.m3u8`,
  ]),
  "",
].join("\n");

const AD_MASTER = CONTENT_MASTER;

function formatLive({ window, segmentDuration }: LiveShape, edge: number, availAt: number | undefined): string {
  const first = edge - window;
  const lines = ["#EXTM3U", "#EXT-X-VERSION:3", `#EXT-X-TARGETDURATION:${segmentDuration}`];
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${first}`);
  for (let number = first; number < edge; number++) {
    if (number === availAt) lines.push(`#EXT-X-CUE-OUT:DURATION=${AVAIL_SEGMENTS * segmentDuration}`);
    if (availAt !== undefined && number === availAt + AVAIL_SEGMENTS) lines.push("#EXT-X-CUE-IN");
    lines.push(`#EXTINF:${segmentDuration.toFixed(3)},`, `segment-${number}.ts`);
  }
  return `${lines.join("\n")}\n`;
}

function formatAd(segmentDuration: number, id: string): string {
  const segments = Array.from(
    { length: AD_SEGMENTS },
    (_, index) => `#EXTINF:${segmentDuration.toFixed(3)},\n${id}-${index}.ts`,
  );
  const head = ["#EXTM3U", "#EXT-X-VERSION:3", `#EXT-X-TARGETDURATION:${segmentDuration}`];
  return [...head, ...segments, "#EXT-X-ENDLIST", ""].join("\n");
}

const EVENTS = ["start", "firstQuartile", "midpoint", "thirdQuartile", "complete", "mute", "pause", "resume"] as const;

/** Two ads; trackers differ from call to call, as those of ad servers do, the media does not. */
function formatVast(base: string, call: number, segmentDuration: number): string {
  const seconds = AD_SEGMENTS * segmentDuration;
  const duration = new Date(seconds * 1000).toISOString().slice(11, 23);
  const ads = ["one", "two"].map((id, index) => {
    const visit = `visit=5c1f7a3e-${call}-8d2b-4c60-9f17-${id}`;
    const events = EVENTS.map(
      (event) => `<Tracking event="${event}">${base}/t/${event}?${visit}&amp;cb=[CACHEBUSTING]</Tracking>`,
    );
    const file = `<MediaFile delivery="streaming" type="application/x-mpegURL" width="640" height="360">${base}/ads/${id}/${segmentDuration}/master.m3u8</MediaFile>`;
    const linear = `<Linear><Duration>${duration}</Duration><TrackingEvents>${events.join("")}</TrackingEvents><MediaFiles>${file}</MediaFiles></Linear>`;
    return `<Ad id="${id}" sequence="${index + 1}"><InLine><AdSystem>Bench</AdSystem><AdTitle>${id}</AdTitle><Impression>${base}/t/impression?${visit}</Impression><Creatives><Creative id="${id}">${linear}</Creative></Creatives></InLine></Ad>`;
  });
  return `<VAST version="4.2">${ads.join("")}</VAST>`;
}
