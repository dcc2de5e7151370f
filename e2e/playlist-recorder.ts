/** Polls all renditions of a stitched master playlist, and the content's edge, as clients that want each refresh would. */
import { setTimeout as wait } from "node:timers/promises";
import type { RecordedRendition, Refresh } from "./playlist-checker.ts";

export interface PlaylistRecorder {
  /** What was recorded so far; masters name their renditions by height. */
  readonly renditions: () => readonly RecordedRendition[];
  /** Answers without a playlist. */
  readonly failures: readonly string[];
  readonly stop: () => Promise<void>;
}

/** More often than clients, less often than a session may ask (primetime.md §1.5: ten per second). */
const INTERVAL_MS = 500;

/**
 * Starts to record; redirects are followed.
 *
 * @param contentEdge media sequence number behind the last segment of the content's rendition of that name; VOD: undefined
 * @throws Error when the master is no master playlist with two or more renditions
 */
export async function recordPlaylists(
  master: URL,
  contentEdge?: (rendition: string) => Promise<number>,
): Promise<PlaylistRecorder> {
  const response = await fetch(master);
  const text = await response.text();
  const places = [...text.matchAll(/^#EXT-X-STREAM-INF:.*RESOLUTION=\d+x(\d+).*\n(\S+)/gm)].map(
    ([, name = "", uri = ""]) => ({
      name,
      url: new URL(uri, response.url),
      refreshes: new Array<Refresh>(),
      edges: new Array<number>(),
    }),
  );
  if (places.length < 2) throw new Error(`${master.href}: expected a master playlist, got ${response.status} ${text}`);
  const failures: string[] = [];
  const ended = new AbortController();

  const pollOnce = async ({ name, url, refreshes, edges }: (typeof places)[number]): Promise<void> => {
    const answer = await fetch(url);
    const text = await answer.text();
    if (!answer.ok) failures.push(`${name}: ${answer.status} ${text}`);
    else if (!contentEdge) refreshes.push({ text });
    else {
      // What the server had read may be as old as the poll before.
      const [after, before = after] = [await contentEdge(name), edges.at(-1)];
      edges.push(after);
      refreshes.push({ text, contentEdge: [before, after] });
    }
  };
  const pollAll = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await Promise.all(places.map(pollOnce)).catch((error: unknown) => failures.push(String(error)));
      await wait(INTERVAL_MS);
    }
  };
  const done = pollAll();
  return {
    renditions: () => places,
    failures,
    stop: () => {
      ended.abort();
      return done;
    },
  };
}
