/** An origin of its own for the specs: a folder of media that any page may read, and the pages of the players in e2e/clients.ts. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".ts": "video/mp2t",
};

const PACKAGES = join(import.meta.dirname, "../node_modules");
const FILES: Readonly<Record<string, string>> = {
  "/lib/hls.js": join(PACKAGES, "hls.js/dist/hls.min.js"),
  "/lib/video.js": join(PACKAGES, "video.js/dist/video.min.js"),
  "/lib/shaka.js": join(PACKAGES, "shaka-player/dist/shaka-player.compiled.js"),
};

const PAGE = '<!doctype html><link rel="icon" href="data:,"><video muted playsinline width="320" height="180"></video>';

export interface MediaOrigin {
  readonly url: URL;
  /** Paths that were asked for and are not there, each time. */
  readonly missing: readonly string[];
  readonly close: () => Promise<void>;
}

/**
 * Serves the files below `folder`, `/player.html` and the players' libraries.
 *
 * @param rewrite gets each playlist as it is in the folder, and gives what is sent
 */
export async function startOrigin(
  folder: string,
  rewrite: (path: string, text: string) => string = (_path, text) => text,
): Promise<MediaOrigin> {
  const missing: string[] = [];
  const read = async (path: string): Promise<string | Buffer> => {
    if (path === "/player.html") return PAGE;
    if (!path.endsWith(".m3u8")) return readFile(FILES[path] ?? join(folder, path));
    return rewrite(path, await readFile(join(folder, path), "utf8"));
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://origin.invalid");
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("cache-control", "no-store");
    read(pathname).then(
      (body) => response.writeHead(200, { "content-type": TYPES[extname(pathname)] ?? "" }).end(body),
      () => {
        missing.push(pathname);
        response.writeHead(404).end();
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const close = (): Promise<void> =>
    new Promise((done) => {
      server.closeAllConnections();
      server.close(() => done());
    });
  return { url: new URL(`http://127.0.0.1:${port}/`), missing, close };
}
