/**
 * `GET /auditude/segment/…`: an ad segment in sstm. The player is sent on to the segment first; what its delivery owes comes after.
 *
 * @see primetime.md §2.1; DESIGN §7
 */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { HttpError } from "../../http-error.ts";
import type { SegmentLinks } from "./segment-links.ts";
import type { ServerBeacons } from "./server-beacons.ts";

/** The same that wrote the addresses, and whom their use is told to. */
export interface SegmentRoutesOptions {
  readonly links: Pick<SegmentLinks, "read">;
  readonly beacons: Pick<ServerBeacons, "report">;
  /** `ms`: from the request to the answer. */
  readonly count: (outcome: "redirect" | "error", ms: number) => void;
}

interface SegmentParams {
  readonly session: string;
  readonly break: string;
  readonly ad: string;
  readonly index: string;
}

/** 302, not to be stored: a redirect from a cache would reach no one. HEAD is answered alike and owes nothing. */
export const segmentRoutes: FastifyPluginAsync<SegmentRoutesOptions> = async (app, { links, beacons, count }) => {
  app.addHook("onResponse", async (_request, reply) =>
    count(reply.statusCode < 400 ? "redirect" : "error", reply.elapsedTime),
  );
  const schema = { summary: "An ad segment: sends on to it and fires what is due then", tags: ["manifest"] };
  app.get<{ Params: SegmentParams }>(
    "/auditude/segment/:session/:break/:ad/:index/:name",
    { schema },
    async (request, reply) => {
      const query = new URLSearchParams(request.url.split("?", 2)[1] ?? "");
      const link = links.read({ ...request.params, query });
      if (!link) {
        const message = "ad segment: expected an address that this server wrote, got another";
        throw new HttpError("signature-invalid", message);
      }
      if (request.method === "GET") reply.raw.once("finish", () => beacons.report(link, describeClient(request)));
      return reply.header("cache-control", "no-store").redirect(link.target, 302);
    },
  );
};

function describeClient({ ip, headers }: FastifyRequest) {
  const dnt = headers.dnt;
  return { ip, userAgent: headers["user-agent"] ?? "", dnt: typeof dnt === "string" ? dnt : undefined };
}
