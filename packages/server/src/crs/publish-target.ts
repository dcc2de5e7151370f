/** Where finished media goes: the origin of one CDN. */
export interface PublishTarget {
  /** The name that `ptcdn` gives. */
  readonly name: string;
  /**
   * Puts one object, whole or not at all: a reader sees the old one or the new one. `path` is below the CDN's base, without
   * a leading slash.
   *
   * @throws when it is not stored, the signal's reason where that ended it; the caller may put it again
   */
  put(path: string, body: string | { readonly file: string }, options: PutOptions): Promise<void>;
  /** Removes one object; one that is not there is fine. */
  remove(path: string, signal?: AbortSignal): Promise<void>;
  /** Removes every object below `path/`; none is fine. */
  removeFolder(path: string, signal?: AbortSignal): Promise<void>;
}

export interface PutOptions {
  readonly contentType: string;
  readonly cacheControl: string;
  /** Ends the upload; nothing that a reader could see is left of it. */
  readonly signal?: AbortSignal;
}

/**
 * Removes a package with every version of its media, the master first: a probe must not hit what is about to lose its media.
 *
 * @param masterPath `1/abc/def/<h1>_<h2>.m3u8`; what belongs to it is below `1/abc/def/<h1>_<h2>/`
 */
export async function removePackage(target: PublishTarget, masterPath: string, signal?: AbortSignal): Promise<void> {
  await target.remove(masterPath, signal);
  await target.removeFolder(masterPath.replace(/\.m3u8$/, ""), signal);
}
