/** The API token of this tab: from the link that the server prints, or typed in. It is kept until the tab is closed. */

const KEY = "interlude-token";

/** The token of `#token=…`; undefined where the address has none. */
export function readTokenLink(hash: string): string | undefined {
  const token = new URLSearchParams(hash.replace(/^#/, "")).get("token");
  return token === null || token === "" ? undefined : token;
}

/** Takes the token out of the address, so that neither the history nor a screenshot has it; undefined: it has none. */
export function takeTokenLink(): string | undefined {
  const token = readTokenLink(location.hash);
  if (token !== undefined) history.replaceState(null, "", `${location.pathname}${location.search}#/`);
  return token;
}

/** undefined: none yet, or the browser keeps nothing. */
export function recallToken(): string | undefined {
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

/** @param token undefined: forgets it */
export function keepToken(token: string | undefined): void {
  try {
    if (token === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // A browser that keeps nothing asks for the token again after a reload.
  }
}
