/**
 * Primetime's asynchronous API, to the letter: `POST /repackage` with HTTP Digest and XML.
 *
 *   202 with no body · 400 the XML is invalid · 401 · 413 more than 300 items · 500 the database cannot be reached
 *
 * What is accepted is told nowhere here, as in the original: look at the CDN, or at `/v1`. Beyond the original is one answer:
 * 503 with Retry-After where the queue is full. Those who do not know it treat it as 500 (RFC 9110 §15) and send the list
 * again, which costs nothing for the items that were taken already.
 *
 * @see primetime.md §3.5
 */
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";
import { MAX_XML_BYTES } from "@interlude/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import { HttpError } from "../http-error.ts";
import { ErrorBody } from "../schema.ts";
import { parseXml } from "../xml.ts";
import { CreativeBlocked, type Crs, QueueFull, type RepackageRequestInput } from "./crs.ts";
import { createDigest } from "./digest.ts";
import type { RepackageAccount } from "./repackage-accounts.ts";
import { parseRepackageList, TOO_MANY, TooManyItems } from "./repackage-list.ts";

export interface PrimetimeRoutesOptions {
  readonly crs: Pick<Crs, "submit">;
  readonly accounts: readonly RepackageAccount[];
  /** Signs the nonces; the same for all instances behind one address. */
  readonly secret: string;
  /** ms since the epoch. */
  readonly now: () => number;
}

const EXAMPLE = `<RepackageList>
  <Repackage>
    <AdSystem>ExampleSystem</AdSystem>
    <AdID>A-1</AdID>
    <CreativeID>CR-1</CreativeID>
    <CreativeURL>https://ads.example/spot.mp4</CreativeURL>
    <Format>clientside hls targetdur=6</Format>
    <Zone>1</Zone>
  </Repackage>
</RepackageList>`;

const SCHEMA = {
  summary: "Ask for creatives to be repackaged (Primetime's API)",
  description:
    "HTTP Digest (SHA-256 or MD5). A list is taken as a whole or refused as a whole; Format: clientside, hls, cmaf, dash " +
    "(never made: that item ends failed in /v1), id3, targetdur=<seconds, default 4>. 503: the queue is full, send the same list again.",
  tags: ["repackaging"],
  security: [{ digest: [] }],
  consumes: ["text/xml", "application/xml"],
  body: Type.Unsafe<Buffer>({ type: "string", description: "1 to 300 items", examples: [EXAMPLE] }),
  response: {
    202: Type.Unsafe<undefined>({ type: "null", description: "accepted, no body; the result appears on the CDN" }),
    400: ErrorBody,
    401: ErrorBody,
    413: Type.String({ description: TOO_MANY }),
    500: ErrorBody,
    503: ErrorBody,
  },
};

/** `POST /repackage`. */
export const primetimeRoutes: FastifyPluginAsyncTypebox<PrimetimeRoutesOptions> = async (app, options) => {
  const { crs, accounts, secret, now } = options;
  const check = createDigest({ accounts, secret, now });
  const zonesOf = new WeakMap<FastifyRequest, readonly string[]>();

  app.removeAllContentTypeParsers();
  app.addContentTypeParser(["text/xml", "application/xml"], { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  // Before the body is read: strangers send nothing that is looked at.
  app.addHook("onRequest", async (request, reply) => {
    reply.header("cache-control", "no-store");
    const { authorization } = request.headers;
    const outcome = check({ method: request.method, target: request.raw.url ?? "", authorization });
    if (!("account" in outcome)) {
      reply.header("www-authenticate", [...outcome.challenges]);
      throw new HttpError("unauthorized", outcome.message);
    }
    zonesOf.set(request, outcome.account.zones);
  });

  const route = { schema: SCHEMA, bodyLimit: MAX_XML_BYTES, validatorCompiler: () => () => true };
  app.post("/repackage", route, async (request, reply) => {
    const text = decodeXml(request.body, request.headers["content-type"] ?? "");
    let inputs: readonly RepackageRequestInput[];
    try {
      inputs = parseRepackageList(text, parseXml, zonesOf.get(request) ?? []);
    } catch (error) {
      if (error instanceof TooManyItems) return refuseTooMany(reply, error.message);
      throw error;
    }
    await submitAll(inputs, crs);
    return reply.code(202).send(undefined);
  });
};

/**
 * The text of a body, in the encoding that its byte order mark, its Content-Type or its declaration names; otherwise UTF-8.
 *
 * @throws HttpError `invalid-request`
 * @see RFC 7303 §3.2
 */
function decodeXml(body: unknown, contentType: string): string {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  const named = /;\s*charset="?([\w.:-]+)/i.exec(contentType)?.[1];
  const declared = /^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]+)/.exec(bytes.toString("latin1", 0, 200))?.[1];
  const marked = [
    ["utf-8", "efbbbf"],
    ["utf-16be", "feff"],
    ["utf-16le", "fffe"],
  ].find(([, mark = ""]) => bytes.toString("hex", 0, 3).startsWith(mark))?.[0];
  const encoding = marked ?? named ?? declared ?? "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new HttpError("invalid-request", `XML: expected text in ${encoding.slice(0, 40)}, got other bytes`, {
      cause,
    });
  }
}

function refuseTooMany(reply: FastifyReply, message: string): FastifyReply {
  reply.raw.statusMessage = "Request Entity Too Large";
  return reply.code(413).type("text/plain; charset=utf-8").send(message);
}

/** One after the other: each is a transaction of its own. */
async function submitAll(inputs: readonly RepackageRequestInput[], crs: Pick<Crs, "submit">): Promise<void> {
  for (const [index, input] of inputs.entries()) {
    try {
      await crs.submit(input);
    } catch (cause) {
      // Its clients know no word for it, and the others of the list are to be made; like what is not made here, it is seen in /v1.
      if (cause instanceof CreativeBlocked) continue;
      if (!(cause instanceof QueueFull)) throw cause;
      const message = `${cause.message}; ${index} of ${inputs.length} requests were taken, send the list again`;
      throw new HttpError("overload", message, { retryAfterSeconds: cause.retryAfterSeconds, cause });
    }
  }
}
