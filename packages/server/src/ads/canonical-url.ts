/** The one spelling of a creative's URL by which requests of pages are compared with what this server printed. */

/** As parsed, without its fragment: what servers print and players parse is then the same. undefined: no http(s) URL. */
export function canonicalUrl(creativeUrl: string): string | undefined {
  const trimmed = creativeUrl.trim();
  if (!URL.canParse(trimmed)) return undefined;
  const url = new URL(trimmed);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  url.hash = "";
  return url.href;
}
