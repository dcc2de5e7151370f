/**
 * Tokens of CDNs that want one on every segment (`pttoken`). The token comes with the content's master, goes into the addresses of
 * its variants, and from there, or from what comes with a variant, onto each segment.
 *
 *   akamai       cookie or parameter hdntl, hdnts or hdnea
 *   limelight    the parameters in X-Adobe-Sig, which an origin sends that knows this server by a secret header
 *   centurylink  all parameters of the playlist's address
 *
 * @see primetime.md §1.12
 */
import type { FetchedPlaylist } from "./content-cache.ts";
import type { SessionOptions } from "../options.ts";

/** Where a token may be. */
export interface TokenSource {
  readonly fetched: FetchedPlaylist;
  /** Where the playlist was asked for: a redirect may drop the token. */
  readonly asked: URL;
  /** The `Cookie` header that the address gets next. */
  readonly cookie: string | undefined;
}

type ReadToken = (source: TokenSource) => string | undefined;

const AKAMAI = /^hdn(?:tl|ts|ea)=./;

const READ: Readonly<Record<NonNullable<SessionOptions["segmentToken"]>, ReadToken>> = {
  akamai: ({ fetched, asked, cookie = "" }) =>
    [cookie.split("; "), parameters(fetched.body.url), parameters(asked)]
      .flat()
      .find((parameter) => AKAMAI.test(parameter)),
  limelight: ({ fetched: { signature }, asked }) =>
    signature === undefined ? asked.search.slice(1) : signature.trim().replace(/^[^?]*\?/, ""),
  centurylink: ({ fetched, asked }) => (fetched.body.url.search || asked.search).slice(1),
};

/** Nothing that ends a line or an attribute of a playlist. */
const PARAMETERS = /^[\w.~!*'()%:@/?,;=&+$-]{1,2000}$/;

/** `name=value&…`, empty where there is none, or none that may stand in a URL. */
export function readToken(scheme: SessionOptions["segmentToken"], source: TokenSource): string {
  const token = scheme === undefined ? undefined : READ[scheme](source);
  return token !== undefined && PARAMETERS.test(token) ? token : "";
}

/** As they were written: a token is signed over its own spelling. */
function parameters(url: URL): readonly string[] {
  return url.search.slice(1).split("&");
}

/** The address with the token's parameters at its end; those that it has already are not written twice. */
export function appendToken(url: string, token: string): string {
  if (token === "") return url;
  const [address = "", ...fragment] = url.split("#");
  const [path = "", ...rest] = address.split("?");
  const own = rest.join("?").split("&").filter(Boolean);
  const names = new Set(own.map(nameOf));
  const added = token.split("&").filter((parameter) => parameter !== "" && !names.has(nameOf(parameter)));
  const search = [...own, ...added].join("&");
  return [search === "" ? path : `${path}?${search}`, ...fragment].join("#");
}

function nameOf(parameter: string): string {
  return parameter.split("=", 1)[0] ?? "";
}
