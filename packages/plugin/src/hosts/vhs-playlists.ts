/**
 * The gate that the playlists of one source in VHS pass: each answer is handed on when the plugin has made its text. VHS's own hooks see
 * the request and the answer as they are, but cannot wait; so the gate stands around the request function of this one source, which
 * keeps its hooks.
 *
 * @see VHS 3.17 src/xhr.js (`onRequest`, `onResponse` are synchronous); src/playlist-loader.js reads `responseText` when it is called back
 */
import type { ContentPlaylist } from "@interlude/core";
import type { FetchedPlaylist } from "../content/content.ts";
import type { PlaylistTap } from "../tap.ts";
import type { Vhs, VhsCallback, VhsMain, VhsPlaylist, VhsRequest, VhsRequestOptions, VhsXhr } from "./vhs-engine.ts";

/** A playlist as VHS has it. */
export interface GatedPlaylist {
  readonly kind: ContentPlaylist["kind"];
  readonly url: URL;
  readonly text: string;
}

export interface PlaylistGate {
  /** What VHS was given last for a playlist that it has. */
  readonly find: (playlist: VhsPlaylist) => GatedPlaylist | undefined;
  readonly all: () => readonly GatedPlaylist[];
  /** Looks at the segments too, from now on: answers true where it takes the answer into its own hands. */
  guard: (options: VhsRequestOptions, error: unknown, request: VhsRequest, retry: () => void) => boolean;
  /**
   * Answers for segments that the page makes; undefined for all others. Absent: there are none.
   *
   * @param isLast no gate of an earlier insertion is asked after it, and what nobody has any more is an error
   */
  virtual?: (options: VhsRequestOptions, callback: VhsCallback, isLast: boolean) => VhsRequest | undefined;
  /** Whether VHS has all that it has asked for. */
  readonly isIdle: () => boolean;
  /** Nothing is guarded any more; playlists that still come must agree with those that VHS has. */
  readonly release: () => void;
}

/** Requests that pass a gate already, of an insertion before. */
const GATED = new WeakSet<VhsXhr>();

export function createPlaylistGate(vhs: Vhs, tap: PlaylistTap): PlaylistGate {
  const own = vhs.xhr;
  const given = createGivenPlaylists(vhs);
  const open = new Set<VhsCallback>();
  const load: VhsXhr = (options, callback) =>
    gate.virtual?.(options, callback, !GATED.has(own)) ?? own(options, callback);
  const deliver = async (options: VhsRequestOptions, request: VhsRequest, handOver: () => void): Promise<void> => {
    const { responseText: text } = request;
    const isMedia = text.includes("#EXTINF:");
    if (!isMedia) tap.readMaster(text);
    const url = isMedia ? stripDirectives(request.responseURL || options.uri) : undefined;
    const name = url && given.name(options.uri, url);
    if (!url || name === undefined) return handOver();
    const fetched = describeVhsPlaylist(text, url, name, vhs.playlists?.main);
    const stitched = await tap.stitch(fetched);
    if (request.aborted) return;
    given.set(name, { kind: fetched.content.kind, url, text: stitched });
    Object.defineProperty(request, "responseText", { value: stitched, configurable: true });
    handOver();
  };
  const send: VhsXhr = (options, callback) => {
    if (options.requestType === "hls-playlist")
      return own(options, (error, answered) => {
        if (error) callback(error, answered);
        else void deliver(options, answered, () => callback(error, answered));
      });
    if (options.requestType === "segment") return requestGuarded(options, callback, load, gate);
    return load(options, callback);
  };
  // others may set hooks on it, before and after
  vhs.xhr = new Proxy(own, {
    apply: (_own, _this, [options, callback]) => requestCounted(options, callback, send, open),
  });
  GATED.add(vhs.xhr);

  const gate: PlaylistGate = {
    find: given.find,
    all: given.all,
    guard: () => false,
    isIdle: () => open.size === 0,
    release: () => {
      gate.guard = () => false;
    },
  };
  return gate;
}

interface GivenPlaylists extends Pick<PlaylistGate, "find" | "all"> {
  /** One name for each playlist, wherever it was redirected to; undefined for what is no address. */
  readonly name: (uri: string, answered: URL) => string | undefined;
  readonly set: (name: string, playlist: GatedPlaylist) => void;
}

/** What VHS was given last for each playlist. */
function createGivenPlaylists(vhs: Vhs): GivenPlaylists {
  const given = new Map<string, GatedPlaylist>();
  /** Where a playlist was redirected to, by which VHS knows it from then on. */
  const redirected = new Map<string, string>();
  const nameOf = ({ href }: URL): string => redirected.get(href) ?? href;
  return {
    name: (uri, answered) => {
      const address = stripDirectives(uri);
      if (!address) return undefined;
      const name = nameOf(address);
      redirected.set(answered.href, name);
      return name;
    },
    set: (name, playlist) => void given.set(name, playlist),
    find: (playlist) => {
      const address = resolveAddress(playlist.uri, vhs.playlists?.main);
      return address && given.get(nameOf(address));
    },
    all: () => [...given.values()],
  };
}

/** A request that is open until it is answered or given up. */
function requestCounted(
  options: VhsRequestOptions,
  callback: VhsCallback,
  send: VhsXhr,
  open: Set<VhsCallback>,
): VhsRequest {
  const answer: VhsCallback = (error, answered) => {
    open.delete(answer);
    callback(error, answered);
  };
  open.add(answer);
  const sent = send(options, answer);
  const { abort } = sent;
  sent.abort = () => {
    open.delete(answer);
    abort.call(sent);
  };
  return sent;
}

/** A segment that the guard may have asked for again: whoever gives it up gives that up too. */
function requestGuarded(
  options: VhsRequestOptions,
  callback: VhsCallback,
  load: VhsXhr,
  gate: Pick<PlaylistGate, "guard">,
): VhsRequest {
  let again: VhsRequest | undefined;
  const take: VhsCallback = (error, answered) => {
    const retry = (): void => {
      if (!first.aborted) again = load(options, take);
    };
    if (first.aborted || !gate.guard(options, error, answered, retry)) callback(error, answered);
  };
  const first = load(options, take);
  const { abort } = first;
  first.abort = () => {
    abort.call(first);
    again?.abort();
  };
  return first;
}

/** The address of a playlist, without what low-latency refreshes add to it; undefined where it is none. */
function stripDirectives(uri: string): URL | undefined {
  if (!URL.canParse(uri, globalThis.location?.href)) return undefined;
  const url = new URL(uri, globalThis.location?.href);
  for (const name of ["_HLS_msn", "_HLS_part", "_HLS_skip"])
    if (url.searchParams.has(name)) url.searchParams.delete(name);
  return url;
}

function resolveAddress(uri: string | undefined, main: VhsMain | undefined): URL | undefined {
  if (uri === undefined) return undefined;
  const base = main?.uri;
  if (base !== undefined && URL.canParse(uri, base)) return stripDirectives(new URL(uri, base).href);
  return stripDirectives(uri);
}

const KIND: ReadonlyMap<string, ContentPlaylist["kind"]> = new Map([
  ["AUDIO", "audio"],
  ["SUBTITLES", "subtitles"],
]);

/**
 * What a playlist is, by the master playlist as VHS has parsed it; one that it does not list is the only one.
 *
 * @param address by which VHS asked for it first
 */
export function describeVhsPlaylist(
  text: string,
  url: URL,
  address: string,
  main: VhsMain | undefined,
): FetchedPlaylist {
  const isThis = ({ uri }: { readonly uri?: string }): boolean => resolveAddress(uri, main)?.href === address;
  const variant = main?.playlists.find(isThis);
  const bandwidthBps = variant?.attributes?.BANDWIDTH;
  if (variant) return { text, content: { url, bandwidthBps, kind: "main" }, trackKey: `main ${address}` };
  for (const [type, groups] of Object.entries(main?.mediaGroups ?? {})) {
    const isListed = Object.values(groups).some((names) => Object.values(names).some(isThis));
    const kind = KIND.get(type) ?? "main";
    if (isListed) return { text, content: { url, bandwidthBps: undefined, kind }, trackKey: `${kind} ${address}` };
  }
  return { text, content: { url, bandwidthBps: undefined, kind: "main" }, trackKey: `main ${address}` };
}
