import { RepackageFailure } from "./repackage-failure.ts";

const MAX_URI = 8192;

/**
 * A URI of a playlist, resolved. What may be fetched is the guarded client's to say.
 *
 * @param base the playlist's own address, after redirects
 * @throws RepackageFailure `unsupported` for what is no URI
 */
export function resolveUri(uri: string, base: URL): URL {
  const url = uri === "" || uri.length > MAX_URI ? null : URL.parse(uri, base.href);
  if (url === null) throw refusePlaylist(base, "the URI of a resource", JSON.stringify(uri.slice(0, 80)));
  return url;
}

/** What is said of a playlist, or of what it names, that cannot be taken. */
export function refusePlaylist(url: URL, expected: string, got: string): RepackageFailure {
  return new RepackageFailure("unsupported", `creative, HLS at ${url.host}: expected ${expected}, got ${got}`);
}
