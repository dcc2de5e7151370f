/** An ad server that is not ours: documents by path, with the manners of real ones (gzip, redirects, cookies, 204, HTML errors). */
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { type Loopback, loopback } from "../../http/loopback.ts";
import * as documents from "./documents.ts";

export interface AdServer extends Loopback {
  /** Every request, in order. */
  readonly requests: readonly IncomingMessage[];
  /** Of the requests to a path. */
  readonly requestsTo: (path: string) => readonly IncomingMessage[];
}

type Answer = (request: IncomingMessage, response: ServerResponse, origin: string, url: URL) => void;

function send(response: ServerResponse, text: string | Buffer, headers: Record<string, string | string[]> = {}): void {
  response.writeHead(200, { "content-type": "text/xml; charset=UTF-8", ...headers });
  response.end(text);
}

/** Five wrappers of mixed versions, each of them at a path of its own, the last leads to the film. */
const CHAIN = ["2.0", "3.0", "4.0", "3.0", "4.1"];

const ANSWERS: Readonly<Record<string, Answer>> = {
  "/ads/vast2": (_request, response, o) =>
    send(response, Buffer.from(documents.broadcasterVast2(o), "latin1"), { "content-type": "application/xml" }),
  "/ads/vast3": (_request, response, o) => send(response, documents.publisherVast3(o)),
  "/ads/vast42": (_request, response, o) => send(response, documents.exchangeVast42(o)),
  "/ads/pod": (_request, response, o) =>
    send(
      response,
      documents.podOf(
        "4.1",
        documents.publisherVast3(o),
        documents.wrapper(o, 1, `${o}/ads/vast42`),
        documents.broadcasterVast2(o),
        documents.wrapper(o, 2, `${o}/html-error`, "3.0", ' fallbackOnNoAd="false"'),
      ),
    ),
  "/w/companion": (_request, response, o) => send(response, documents.wrapper(o, 2, `${o}/ads/vast3`)),
  "/w/first": (_request, response, o) => send(response, documents.wrapper(o, 1, `${o}/ads/pod`)),
  "/w/all": (_request, response, o) =>
    send(response, documents.wrapper(o, 1, `${o}/ads/pod`, "4.0", ' allowMultipleAds="1"')),
  "/w/no-more": (_request, response, o) =>
    send(response, documents.wrapper(o, 1, `${o}/w/companion`, "3.0", ' followAdditionalWrappers="false"')),
  "/fallback": (_request, response, o) =>
    send(response, documents.withStandIns(o, documents.wrapper(o, 1, `${o}/ads/none`))),
  "/no-fallback": (_request, response, o) =>
    send(response, documents.withStandIns(o, documents.wrapper(o, 1, `${o}/ads/none`, "3.0", ' fallbackOnNoAd="0"'))),
  "/buffet": (_request, response, o) => send(response, documents.withStandIns(o, "").replace(/<Ad [^]*?<\/Ad>/, "")),
  "/pod-of-buffet": (_request, response, o) =>
    send(
      response,
      documents.podOf(
        "4.0",
        documents.publisherVast3(o),
        documents.wrapper(o, 1, `${o}/buffet`, "4.0", ' allowMultipleAds="true"'),
      ),
    ),
  "/ads/vmap": (_request, response, o) => send(response, documents.publisherVmap(o)),
  "/ads/empty": (_request, response, o) => send(response, documents.emptyVast(o)),
  "/ads/gzip": (_request, response, o) =>
    send(response, gzipSync(documents.exchangeVast42(o)), { "content-encoding": "gzip" }),
  "/ads/none": (_request, response) => response.writeHead(204).end(),
  "/ads/blank": (_request, response) => send(response, "\r\n"),
  "/html-error": (_request, response) =>
    response.writeHead(502, { "content-type": "text/html" }).end(documents.HTML_ERROR),
  "/html-page": (_request, response) => send(response, documents.HTML_ERROR, { "content-type": "text/html" }),
  "/silent": () => undefined,
  "/loop": (_request, response, o) => send(response, documents.wrapper(o, 1, `${o}/loop?cb=[CACHEBUSTING]`)),
  "/deep": (_request, response, o, url) => {
    const n = Number(url.searchParams.get("n") ?? 1);
    send(response, documents.wrapper(o, n, `${o}/deep?n=${n + 1}`));
  },
  "/chain": (_request, response, o, url) => {
    const n = Number(url.searchParams.get("n") ?? 1);
    const target = n < CHAIN.length ? `${o}/chain?n=${n + 1}` : `${o}/ads/vast42`;
    send(response, documents.wrapper(o, n, target, CHAIN[n - 1]));
  },
  // As ad servers test whether cookies come back: set, sent round, served.
  "/cookie-check": (request, response, o) => {
    if (request.headers.cookie?.includes("uid=")) return send(response, documents.exchangeVast42(o), {});
    response.writeHead(302, {
      location: "/cookie-check?second=1",
      "set-cookie": [
        "uid=v1-7f; Path=/; Max-Age=3600; HttpOnly",
        "seg=a%2Cb; Path=/cookie-check",
        "x=1; Domain=else.example",
      ],
    });
    return response.end();
  },
  "/redirect-loop": (_request, response) => response.writeHead(307, { location: "/redirect-loop" }).end(),
};

/** Lives as long as the test. */
export async function openAdServer(more: Readonly<Record<string, Answer>> = {}): Promise<AdServer> {
  const requests: IncomingMessage[] = [];
  const server = await loopback((request, response) => {
    requests.push(request);
    const origin = `http://${request.headers.host ?? ""}`;
    const url = new URL(request.url ?? "/", origin);
    const answer = more[url.pathname] ?? ANSWERS[url.pathname];
    if (answer) answer(request, response, origin, url);
    else response.writeHead(url.pathname.startsWith("/pixel/") ? 200 : 404).end();
  });
  const pathOf = (request: IncomingMessage): string => (request.url ?? "").split("?")[0] ?? "";
  return { ...server, requests, requestsTo: (path) => requests.filter((request) => pathOf(request) === path) };
}
