/** What is known of creatives, and what an operator may do about one. */
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";
import { ErrorBody, plainText, ZoneName } from "../schema.ts";
import { COMMON, Creative, ERRORS, State, Subject, unknownCreative } from "./api-schema.ts";
import type { Crs } from "./crs.ts";

export interface CreativeRoutesOptions {
  readonly crs: Pick<Crs, "status" | "list" | "forget" | "retry" | "purge">;
}

/** `GET /v1/creatives`; `GET`, `DELETE /v1/creatives/{zone}/{key}`; `POST …/retry`; `DELETE …/cdns/{name}`. */
export const creativeRoutes: FastifyPluginAsyncTypebox<CreativeRoutesOptions> = async (app, { crs }) => {
  const list = {
    ...COMMON,
    summary: "The creatives that changed last, newest first, at most 1,000",
    querystring: Type.Object({
      zone: Type.Optional(ZoneName),
      state: Type.Optional(State),
      url: Type.Optional(plainText(8192, "a part of the original URL")),
    }),
    response: {
      200: Type.Object({
        creatives: Type.Array(Creative),
        total: Type.Integer({ description: "how many there are, these and those beyond the first 1,000" }),
      }),
      ...ERRORS,
    },
  };
  app.get("/v1/creatives", { schema: list }, async (request, reply) => {
    const { creatives, total } = await crs.list(request.query);
    return reply.send({ creatives: [...creatives], total });
  });

  const one = {
    ...COMMON,
    summary: "One creative: its state, progress, renditions and packages",
    params: Subject,
    response: { 200: Creative, 404: ErrorBody, ...ERRORS },
  };
  app.get("/v1/creatives/:zone/:key", { schema: one }, async (request, reply) => {
    const status = await crs.status(request.params.zone, request.params.key);
    if (status === undefined) throw unknownCreative(request.params);
    return reply.send(status);
  });

  const forget = {
    ...COMMON,
    summary: "Forget a creative: its job, its row and its objects on every CDN. It is cold again afterwards",
    params: Subject,
    response: { 204: Type.Null(), 404: ErrorBody, ...ERRORS },
  };
  app.delete("/v1/creatives/:zone/:key", { schema: forget }, async (request, reply) => {
    const isForgotten = await crs.forget(request.params.zone, request.params.key);
    if (!isForgotten) throw unknownCreative(request.params);
    return reply.code(204).send(null);
  });

  await app.register(operationRoutes, { crs });
};

/** What changes a creative that is there. */
const operationRoutes: FastifyPluginAsyncTypebox<CreativeRoutesOptions> = async (app, { crs }) => {
  const retry = {
    ...COMMON,
    summary: "Have a failed or blocked creative made again at once, with all its attempts",
    params: Subject,
    response: { 202: Creative, 403: ErrorBody, 404: ErrorBody, 409: ErrorBody, ...ERRORS },
  };
  app.post("/v1/creatives/:zone/:key/retry", { schema: retry }, async (request, reply) => {
    const status = await crs.retry(request.params.zone, request.params.key);
    if (status === undefined) throw unknownCreative(request.params);
    return reply.code(202).send(status);
  });

  const purge = {
    ...COMMON,
    summary: "Take a creative from one CDN. It comes back there when it is asked for again",
    params: Type.Object({ ...Subject.properties, name: Type.String({ pattern: "^[\\w-]{1,32}$" }) }),
    response: { 200: Creative, 404: ErrorBody, 409: ErrorBody, 502: ErrorBody, ...ERRORS },
  };
  app.delete("/v1/creatives/:zone/:key/cdns/:name", { schema: purge }, async (request, reply) => {
    const { zone, key, name } = request.params;
    const status = await crs.purge(zone, key, name);
    if (status === undefined) throw unknownCreative(request.params);
    return reply.send(status);
  });
};
