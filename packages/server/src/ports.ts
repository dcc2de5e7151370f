/** Core's ports on Node. */
import type { FetchText } from "@interlude/core";
import type { GuardedFetch } from "./guarded-fetch.ts";
import { readText } from "./read-text.ts";

/** Text of any status from the public internet, by the guarded client. */
export function createFetchText(fetch: GuardedFetch): FetchText {
  return async (url, { timeoutMs, maxBytes }) => {
    const response = await fetch(url, { timeoutMs, maxBytes });
    return { status: response.status, text: await readText(response), url: response.url };
  };
}
