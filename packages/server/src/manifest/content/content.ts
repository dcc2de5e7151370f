/**
 * What the rest of the manifest server sees of content: its playlists, as every viewer of one refresh gets them.
 *
 * @see DESIGN §8 (cost)
 */
import type { MasterPlaylist, MediaPlaylist } from "@interlude/core";
import type { SessionOptions } from "../options.ts";
import type { Session, StoredCookie } from "../session/session.ts";
import type { RequestTrace } from "../trace.ts";

/** Which playlist, for whom. */
export interface ContentRequest {
  readonly url: URL;
  readonly session: Session;
  readonly cookies: readonly StoredCookie[];
  readonly options: SessionOptions;
}

/** A media playlist of the content. The same object for all viewers of one refresh. */
export interface Content {
  /** All addresses in it are absolute. */
  readonly playlist: MediaPlaylist;
  /** After redirects. */
  readonly url: URL;
  /** No EXT-X-ENDLIST, and not EXT-X-PLAYLIST-TYPE:VOD. */
  readonly isLive: boolean;
  /** `Last-Modified` as the origin wrote it. */
  readonly lastModified: string | undefined;
}

/** What the content's address answered. */
export interface MasterContent {
  /** As it came. */
  readonly text: string;
  /** undefined: it is a media playlist. */
  readonly playlist: MasterPlaylist | undefined;
  /** After redirects. */
  readonly url: URL;
  /** `Last-Modified` as the origin wrote it. */
  readonly lastModified: string | undefined;
  /** `name=value&…` to append to the variants' addresses (`pttoken`); empty: nothing. */
  readonly token: string;
  /** The session's, with those that came just now; they are kept already. */
  readonly cookies: readonly StoredCookie[];
}

/**
 * Cookies that come with a playlist are kept in the session.
 *
 * Both throw HttpError `content-…` (its table is in docs/manifest-server.md) and AdError `address-refused`.
 */
export interface ContentLoader {
  loadMaster(request: ContentRequest, trace: RequestTrace): Promise<MasterContent>;
  loadMedia(request: ContentRequest, trace: RequestTrace): Promise<Content>;
}
