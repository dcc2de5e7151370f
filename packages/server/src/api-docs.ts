/** The HTTP API described by itself: `/docs`, made from the routes' schemas. */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";

/** Must come before the routes that it describes. */
export async function registerDocs(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Interlude",
        version: "0.1.0",
        description: "Ads for HLS: repackaged just in time, served, tracked",
      },
      components: {
        securitySchemes: { bearer: { type: "http", scheme: "bearer" }, digest: { type: "http", scheme: "digest" } },
      },
    },
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: true,
    // The page needs nobody else, and on plain http (a machine in a local network) nothing that it loads may be upgraded.
    transformStaticCSP: (policy) =>
      policy.replace("upgrade-insecure-requests;", "").replaceAll(/ (?:https:|validator\.swagger\.io)(?=[ ;])/g, ""),
    uiConfig: { validatorUrl: null },
  });
}
