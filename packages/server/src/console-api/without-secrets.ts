/** Addresses of an operator's settings as they may be shown: whatever in them may let somebody in is left out. */

/** Of an address that is asked for: names of its parameters, and their values only where they are macros, to be filled in later. */
export function showTag(address: string): string {
  // Our own ad server: what it takes as parameters is in every page.
  if (address.startsWith("/")) return address;
  const [place = "", query] = (address.split("#")[0] ?? "").split(/\?(.*)/s);
  const shown = place.replace(USER, "$1");
  return query === undefined ? shown : `${shown}?${query.split("&").map(showParameter).join("&")}`;
}

/** Scheme, host, port and path. */
export function showAddress(address: string): string {
  return (address.split(/[?#]/)[0] ?? "").replace(USER, "$1");
}

/** User name and password before the host. */
const USER = /^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i;
/** `[CACHEBUSTING]`, `[?name]`, `[#NAME]`, `{name}`; brackets also percent-encoded. */
const MACRO = /^(?:\[[^\]]*\]|\{[^}]*\}|%5B.*%5D)$/i;

function showParameter(parameter: string): string {
  const [name = "", value] = parameter.split(/=(.*)/s);
  if (value === undefined || value === "") return parameter;
  return `${name}=${MACRO.test(value) ? value : "…"}`;
}
