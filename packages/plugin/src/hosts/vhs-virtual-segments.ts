/**
 * Segments that the page makes, for VHS: in place of a request, what VHS reads of one.
 *
 * The bandwidth is set before VHS can reckon it from how long it has waited: a segment that was made ahead comes at once. No request times
 * out: every rendition lists the same segments, so that none would come sooner from another.
 *
 * @see VHS 3.17 src/media-segment-request.js (`progress`, `loadend`, `getRequestStats`, `handleErrors`), src/segment-loader.js
 * `saveBandwidthRelatedStats_`, src/error-codes.js
 */
import { isVirtual, loadVirtual, type VirtualMediaShelf, type VirtualSegment } from "../ads/virtual-media.ts";
import type { Vhs, VhsCallback, VhsRequest, VhsRequestOptions } from "./vhs-engine.ts";
import type { PlaylistGate } from "./vhs-playlists.ts";

/**
 * The shelf is released when VHS's source is disposed of: by another one, or with the player.
 *
 * @param vhs its bandwidth stays what it is where the network gave nothing for a segment
 */
export function createVirtualRequests(
  vhs: Pick<Vhs, "bandwidth" | "playlists">,
  shelf: Pick<VirtualMediaShelf, "find" | "release">,
): NonNullable<PlaylistGate["virtual"]> {
  vhs.playlists?.on("dispose", shelf.release);
  return (options, callback, isLast) => {
    const [address = ""] = options.uri.split("?");
    if (!isVirtual(address) || (!isLast && !shelf.find(address))) return undefined;
    const request = new VirtualRequest(options, callback);
    const loading = loadVirtual(shelf, options.uri, request.signal, request.onProgress);
    void loading.then((segment) => request.answer(segment, vhs.bandwidth), request.fail);
    return request;
  };
}

/** What VHS reads of an XMLHttpRequest, and what it writes on one. */
class VirtualRequest extends EventTarget implements VhsRequest {
  readonly #ended = new AbortController();
  readonly #callback: VhsCallback;
  readonly uri: string;
  readonly requestType: string | undefined;
  readonly responseURL: string;
  readonly responseType = "arraybuffer";
  readonly responseText = "";
  readonly responseHeaders = {};
  readonly timedout = false;
  /** An ArrayBuffer from when it is there. */
  response: unknown = null;
  status = 0;
  aborted = false;
  /** Milliseconds of wall clock, as VHS counts. */
  requestTime: number = Date.now();
  responseTime = 0;
  roundTripTime = 0;
  bytesReceived = 0;
  bandwidth: number | undefined;

  constructor({ uri, requestType }: VhsRequestOptions, callback: VhsCallback) {
    super();
    this.uri = uri;
    this.responseURL = uri;
    this.requestType = requestType;
    this.#callback = callback;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  readonly onProgress = (loaded: number, total: number): void => {
    if (!this.signal.aborted) this.dispatchEvent(Object.assign(new Event("progress"), { loaded, total }));
  };

  answer({ bytes, networkBytes, networkMs }: VirtualSegment, before: number | undefined): void {
    if (this.signal.aborted) return;
    this.responseTime = Date.now();
    this.requestTime = this.responseTime - networkMs;
    this.roundTripTime = networkMs;
    this.bytesReceived = bytes.byteLength;
    this.bandwidth = networkBytes > 0 && networkMs > 0 ? Math.floor((networkBytes * 8000) / networkMs) : before;
    this.response = bytes;
    this.status = 200;
    this.#settle(null);
  }

  readonly fail = (cause: unknown): void => {
    if (!this.signal.aborted) this.#settle(cause);
  };

  /** As one that was sent: `loadend` at once, and no answer any more. */
  abort(): void {
    this.aborted = true;
    if (this.signal.aborted) return;
    this.#ended.abort();
    this.dispatchEvent(new Event("loadend"));
  }

  #settle(error: unknown): void {
    this.#ended.abort();
    this.#callback(error, this);
    this.dispatchEvent(new Event("loadend"));
  }
}
