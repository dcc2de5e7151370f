/**
 * The credentials of `Authorization: Digest`, as a list of parameters.
 *
 * @see RFC 9110 §11.2 (auth-param), §5.6.1 (lists may have empty elements), §5.6.4 (quoted-string); RFC 7616 §3.4
 */

/** Of the whole header; a longer one is no credentials. */
const MAX_LENGTH = 8192;

const SCHEME = /^Digest[ \t]+[ \t,]*/i;
/** `name = token` or `name = "quoted"`, up to the next one. Characters of a quoted string stand for bytes. */
const PARAMETER =
  /([!#$%&'*+\-.^_`|~\w]+)[ \t]*=[ \t]*(?:([!#$%&'*+\-.^_`|~\w]+)|"((?:[\t !#-[\]-~\x80-\xFF]|\\[\t -~\x80-\xFF])*)")[ \t]*(?:,[ \t,]*|$)/y;

/**
 * The parameters by name in lower case, quotes and escapes taken off, bytes read as UTF-8.
 *
 * @param header as Node gives it: one character for each byte
 * @returns undefined for another scheme, for what does not keep to the grammar, and where a name comes twice
 */
export function parseDigestHeader(header: string): ReadonlyMap<string, string> | undefined {
  const scheme = SCHEME.exec(header);
  if (header.length > MAX_LENGTH || scheme === null) return undefined;
  const parameters = new Map<string, string>();
  let position = scheme[0].length;
  while (position < header.length) {
    PARAMETER.lastIndex = position;
    const found = PARAMETER.exec(header);
    const name = found?.[1]?.toLowerCase();
    if (found === null || name === undefined || parameters.has(name)) return undefined;
    parameters.set(name, readBytes(found[2] ?? (found[3] ?? "").replace(/\\(.)/g, "$1")));
    position += found[0].length;
  }
  return parameters;
}

function readBytes(text: string): string {
  return Buffer.from(text, "latin1").toString("utf8");
}

/**
 * The name of an account: `username`, or `username*` where it has characters beyond ASCII.
 *
 * @returns undefined where there is none, where there are both, and where the second cannot be read
 * @see RFC 7616 §3.4, RFC 8187 §3.2
 */
export function readUserName(parameters: ReadonlyMap<string, string>): string | undefined {
  const plain = parameters.get("username");
  const extended = parameters.get("username*");
  if (extended === undefined || plain !== undefined) return extended === undefined ? plain : undefined;
  const encoded = /^UTF-8'[\w-]*'(.*)$/i.exec(extended)?.[1];
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
