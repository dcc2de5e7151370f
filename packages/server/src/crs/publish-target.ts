/** Where finished media goes: the origin of one CDN. */
export interface PublishTarget {
  /** The name that `ptcdn` gives. */
  readonly name: string;
  /**
   * Puts one object, whole or not at all: a reader sees the old one or the new one. `path` is below the CDN's base, without
   * a leading slash.
   *
   * @throws when it is not stored; the caller may put it again
   */
  put(path: string, body: string | { readonly file: string }, options: PutOptions): Promise<void>;
  /** Removes every object whose path begins with `prefix`; none is fine. */
  removePrefix(prefix: string): Promise<void>;
}

export interface PutOptions {
  readonly contentType: string;
  readonly cacheControl: string;
}
