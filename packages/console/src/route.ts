/** Where on the page one is: the part of the address behind `#`, which no server sees. */

/** One page, what it is of, and what is chosen on it. */
export interface Route {
  /** `creatives` of `#/creatives/1/abc?state=failed`; empty: the first page. */
  readonly page: string;
  /** `1`, `abc` there. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** @param hash with its `#`, or empty */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [page = "", ...rest] = path.split("/").map(decode);
  return { page, path: rest, query: new URLSearchParams(query) };
}

/** `#/creatives/1/abc?state=failed`; members of the query that are empty are left out. */
export function formatRoute(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : []));
  const text = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}

/** As it is where it is no escape. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
