/** Fetches for a command that an operator types: any host, private ones too, still only http and https and never without bounds. */
import { AdError, type FetchText } from "@interlude/core";

/** Text of any status; redirects are followed, at most 20. */
export const fetchOpenText: FetchText = async (url, { timeoutMs, maxBytes }) => {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new AdError("address-refused", `${url.href}: expected http or https, got ${url.protocol}`, { url: url.href });
  }
  try {
    const response = await fetch(url, {
      // What is left of a deadline is seldom a whole number, and a timer takes no other.
      signal: AbortSignal.timeout(Math.ceil(timeoutMs)),
      headers: { "user-agent": "Interlude" },
    });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        const message = `${url.href}: expected at most ${maxBytes} bytes, got more`;
        throw new AdError("response-too-large", message, { url: url.href });
      }
      chunks.push(chunk);
    }
    return { status: response.status, text: decode(Buffer.concat(chunks), response), url: new URL(response.url) };
  } catch (cause) {
    if (cause instanceof AdError) throw cause;
    throw unreachable(url, cause);
  }
};

function decode(bytes: Uint8Array, response: Response): string {
  const charset = /charset="?([\w-]+)/i.exec(response.headers.get("content-type") ?? "")?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}

function unreachable(url: URL, error: unknown): AdError {
  if (error instanceof Error && error.name === "TimeoutError") {
    return new AdError("upstream-timeout", `${url.href}: no complete answer in time`, { url: url.href, cause: error });
  }
  return new AdError("upstream-unreachable", `${url.href}: ${describeNetworkError(error)}`, {
    url: url.href,
    cause: error,
  });
}

/** What `fetch` hides in the cause of its "fetch failed", down to the code where all addresses of a name refused. */
export function describeNetworkError(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return cause.message || ("code" in cause ? String(cause.code) : cause.name);
}
