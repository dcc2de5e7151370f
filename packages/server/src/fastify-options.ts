/** How Fastify is set up: limits, log, the form of complaints. */
import type { FastifyServerOptions } from "fastify";
import type { ServerConfig } from "./config.ts";
import { answerClientError, describeSchemaError, sendError } from "./http-error.ts";

/** The longest address of a content URL in base64url, a later bootstrap included. */
const MAX_PARAM_LENGTH = 4096;

/** Limits hold for every route; a route may set a smaller `bodyLimit`. */
export function fastifyOptions(config: Pick<ServerConfig, "logLevel" | "trustProxy">): FastifyServerOptions {
  return {
    logger: {
      level: config.logLevel,
      // stdout belongs to the program that runs the server
      stream: process.stderr,
      // Queries hold sessions, headers hold tokens: neither belongs in a log.
      serializers: { req: (request) => ({ method: request.method, path: request.url?.split("?")[0], ip: request.ip }) },
    },
    trustProxy: config.trustProxy.length > 0 ? [...config.trustProxy] : false,
    bodyLimit: 262_144,
    // The request, headers and body, must be here within this time; a connection on which nothing moves is cut.
    requestTimeout: 30_000,
    connectionTimeout: 120_000,
    keepAliveTimeout: 72_000,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    return503OnClosing: true,
    ajv: { customOptions: { verbose: true, coerceTypes: "array", removeAdditional: false } },
    schemaErrorFormatter: describeSchemaError,
    frameworkErrors: sendError,
    clientErrorHandler: answerClientError,
  };
}
