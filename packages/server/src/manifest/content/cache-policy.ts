/**
 * How long an origin lets its answer be used, and by whom.
 *
 * @see RFC 9111 §4.2 (freshness), §5.2.2 (directives)
 */

/** Times in milliseconds. */
export interface CachePolicy {
  /** undefined: the origin did not say; 0: asked again each time. */
  readonly maxAgeMs: number | undefined;
  readonly isStored: boolean;
  /** Whether the answer to one viewer may be given to another. */
  readonly isShared: boolean;
}

/** An answer that sets a cookie is for one viewer, unless it says that it is public. */
export function readCachePolicy(headers: Headers): CachePolicy {
  const directives = new Map(
    (headers.get("cache-control") ?? "").split(",").map((directive) => {
      const [name = "", value = ""] = directive.split("=", 2);
      return [name.trim().toLowerCase(), value.replaceAll('"', "").trim()];
    }),
  );
  const seconds = (name: string): number | undefined => {
    const text = directives.get(name) ?? "";
    return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  };
  const isPublic = directives.has("public") || directives.has("s-maxage");
  const isPersonal = directives.has("private") || (headers.getSetCookie().length > 0 && !isPublic);
  const maxAge = directives.has("no-cache") ? 0 : (seconds("s-maxage") ?? seconds("max-age"));
  const age = Math.max(0, Number(headers.get("age") ?? 0) || 0);
  return {
    maxAgeMs: maxAge === undefined ? undefined : Math.max(0, maxAge - age) * 1000,
    isStored: !directives.has("no-store") && !isPersonal,
    isShared: !isPersonal,
  };
}
