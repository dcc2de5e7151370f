/** Addresses of an operator's settings as they may be shown: whatever in them may let somebody in is left out. */

import { hidePathValues } from "../hide-path-values.ts";

/** Of an address that is asked for: names of its parameters, and their values only where they are macros, to be filled in later. */
export function showTag(address: string): string {
  // Our own ad server: what it takes as parameters is in every page.
  if (/^\/(?![/\\])/.test(address)) return address;
  const known = withoutUser(address);
  const query = /\?(.*)/s.exec(known.split("#")[0] ?? "")?.[1];
  const place = showPlace(known);
  return query === undefined ? place : `${place}?${query.split("&").map(showParameter).join("&")}`;
}

/** Scheme, host, port and path. */
export function showAddress(address: string): string {
  return showPlace(withoutUser(address));
}

/** User name and password before the host. */
const USER = /^((?:[a-z][a-z0-9+.-]*:)?\/\/)[^/?#]*@/i;
/** A password with a sign that ends the host, unless it is a host and something with an `@` behind it: nobody can tell. */
const MAYBE_USER = /^((?:[a-z][a-z0-9+.-]*:)?\/\/)[^/?#]*[?#][^/]*@.*/is;
/** `[CACHEBUSTING]`, `[?name]`, `[#NAME]`, `{name}`; brackets also percent-encoded. */
const MACRO = /^(?:\[[^\]]*\]|\{[^}]*\}|%5B.*%5D)$/i;

function withoutUser(address: string): string {
  return address.replace(MAYBE_USER, "$1…").replace(USER, "$1");
}

function showPlace(address: string): string {
  return hidePathValues(address.split(/[?#]/)[0] ?? "");
}

/** A bare word is a value as well as a name. */
function showParameter(parameter: string): string {
  const [name = "", value] = parameter.split(/=(.*)/s);
  if (value === undefined) return name === "" || MACRO.test(name) ? name : "…";
  return value === "" || MACRO.test(value) ? parameter : `${name}=…`;
}
