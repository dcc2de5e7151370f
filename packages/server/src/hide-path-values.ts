/**
 * A path as operators may see it, without what CDNs and ad servers put into paths to let somebody in: matrix parameters
 * (`;key=secret`) and signed segments (`/hdnts=exp=1~hmac=2/`).
 */
export function hidePathValues(path: string): string {
  return path.replaceAll(/;[^/]+/g, ";…").replaceAll(/(%3B|=)[^/;]+/gi, "$1…");
}
