/** The one spelling of a creative's URL by which requests of pages are compared with what this server printed. */

/** As parsed, without its fragment: what servers print and players parse is then the same. undefined: no http(s) URL. */
export function canonicalUrl(creativeUrl: string): string | undefined {
  const url = URL.parse(creativeUrl.trim());
  if (url?.protocol !== "http:" && url?.protocol !== "https:") return undefined;
  url.hash = "";
  return url.href;
}
