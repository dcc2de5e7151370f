/** The picture of a creative. */
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";
import { HttpError } from "../http-error.ts";
import { ErrorBody } from "../schema.ts";
import { COMMON, ERRORS, Subject } from "./api-schema.ts";
import type { Crs } from "./crs.ts";

export interface PreviewRoutesOptions {
  readonly crs: Pick<Crs, "preview">;
}

/** `GET /v1/creatives/{zone}/{key}/preview.jpg` */
export const previewRoutes: FastifyPluginAsyncTypebox<PreviewRoutesOptions> = async (app, { crs }) => {
  const schema = {
    ...COMMON,
    summary: "A picture out of the middle of a creative, at most 480 pixels wide and high",
    description: "There is one once it is encoded, as long as its encoding is kept or somebody looked at it before.",
    params: Subject,
    response: { 200: Type.Unsafe<Uint8Array>({}), 304: Type.Null(), 404: ErrorBody, 503: ErrorBody, ...ERRORS },
  };
  app.get("/v1/creatives/:zone/:key/preview.jpg", { schema }, async (request, reply) => {
    const { zone, key } = request.params;
    const preview = await crs.preview(zone, key);
    if (preview === undefined) {
      throw new HttpError("not-found", `picture of ${zone}/${key}: expected a creative that is encoded, got none`);
    }
    const etag = `"${preview.version}"`;
    // Whoever has the token may keep it, and asks each time: a creative's source may become another film.
    reply.header("cache-control", "private, no-cache").header("etag", etag);
    if (request.headers["if-none-match"]?.includes(etag) === true) return reply.code(304).send(null);
    return reply.type("image/jpeg").send(preview.image);
  });
};
