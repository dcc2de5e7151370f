/**
 * How a beacon leaves the page: a GET that outlives it, as third-party pixels expect it; `sendBeacon` would be a POST.
 *
 *   fetch with keepalive                                      → as a rule
 *   too many under way, no keepalive, or `connect-src` forbids → an image
 *   too many under way, and an image had the same URL         → when a fetch has ended, or the page goes away
 *   the browser is offline                                    → when it is online again
 *
 * A request that fails in any other way may have arrived, and is not sent again.
 *
 * @see Fetch, keepalive; VAST 4.3 §3.14 (a tracking URI is requested by GET)
 */

/** Browsers refuse a fetch with keepalive beyond a number, and a number of bytes, of them under way. */
const MAX_UNDER_WAY = 100;
const MAX_PARKED = 200;
const MAX_FAILED = 200;
const MAX_IMAGED = 1000;

/**
 * @param signal ends the listener for `connect-src`; what is under way goes on, and what waits for the network is sent all the same
 * @returns sends one; never throws
 */
export function createBeaconTransport(credentials: RequestCredentials, signal: AbortSignal): (url: string) => void {
  /** Origins that the page's policy forbids to fetch from. */
  const forbidden = new Set<string>();
  const failed = new Set<string>();
  const parked: string[] = [];
  /** A page loads images of one URL once. */
  const imaged = new Set<string>();
  const queue: string[] = [];
  let underWay = 0;

  const park = (url: string): void => {
    if (parked.length === 0) addEventListener("online", release, { once: true });
    if (parked.length < MAX_PARKED) parked.push(url);
  };
  const release = (): void => {
    for (const url of parked.splice(0)) send(url);
  };
  const onFailure = (url: string): void => {
    if (!navigator.onLine) return park(url);
    if (!forbidden.has(new URL(url).origin)) failed.add(url);
    keepNewest(failed, MAX_FAILED);
  };
  // told before or after the fetch fails
  const onViolation = ({ blockedURI, effectiveDirective }: SecurityPolicyViolationEvent): void => {
    if (effectiveDirective !== "connect-src" || !failed.delete(blockedURI)) return;
    forbidden.add(new URL(blockedURI).origin);
    loadImage(blockedURI, credentials);
  };
  const request = async (url: string): Promise<void> => {
    underWay += 1;
    failed.add(url);
    try {
      await fetch(url, { mode: "no-cors", keepalive: true, cache: "no-store", credentials });
      failed.delete(url);
    } catch {
      onFailure(url);
    } finally {
      underWay -= 1;
      for (let next = queue.shift(); next !== undefined; next = underWay < MAX_UNDER_WAY ? queue.shift() : undefined)
        send(next);
    }
  };
  const enqueue = (url: string): void => {
    if (queue.length === 0) addEventListener("pagehide", flush, { once: true });
    queue.push(url);
  };
  // an image would not be loaded again: a fetch may be refused, and nothing else is left
  const flush = (): void => {
    for (const url of queue.splice(0)) void request(url);
  };
  const send = (url: string): void => {
    const isImaged = imaged.has(url);
    const canFetch = !forbidden.has(new URL(url).origin) && (isImaged || "keepalive" in Request.prototype);
    if (canFetch && underWay < MAX_UNDER_WAY) return void request(url);
    if (canFetch && isImaged) return enqueue(url);
    imaged.add(url);
    keepNewest(imaged, MAX_IMAGED);
    loadImage(url, credentials);
  };
  let isListening = false;
  return (url) => {
    if (!URL.canParse(url)) return;
    if (!isListening) document.addEventListener("securitypolicyviolation", onViolation, { signal });
    isListening = true;
    // as violations name it
    send(new URL(url).href.replace(/#.*/, ""));
  };
}

function keepNewest(urls: Set<string>, count: number): void {
  for (const oldest of urls) if (urls.size > count) urls.delete(oldest);
}

/** An image of another origin sends cookies unless it is asked for by CORS; whether that lets the page see it does not matter. */
function loadImage(url: string, credentials: RequestCredentials): void {
  const image = new Image();
  if (credentials !== "include") image.crossOrigin = "anonymous";
  image.src = url;
}
