/** What a load balancer asks: is the process alive (`/healthz`), and may it get requests (`/readyz`). */
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";

/** Each check has 2 s. */
export interface HealthRoutesOptions {
  /** What must work, by name; each rejects or hangs when it does not. */
  readonly checks: Readonly<Record<string, () => Promise<unknown>>>;
  /** What an alive process has to say beside, by name. Anybody may read it. */
  readonly details?: () => Readonly<Record<string, string>>;
}

const CHECK_TIMEOUT_MS = 2_000;

const Health = Type.Object({ status: Type.String(), failing: Type.Optional(Type.Array(Type.String())) });
const Alive = Type.Object({ status: Type.String() }, { additionalProperties: Type.String() });

/** `GET /healthz`: 200 while the process answers. `GET /readyz`: 200, or 503 with the names of the checks that fail. */
export const healthRoutes: FastifyPluginAsyncTypebox<HealthRoutesOptions> = async (app, { checks, details }) => {
  const alive = { summary: "The process is alive", tags: ["operations"], response: { 200: Alive } };
  app.get("/healthz", { schema: alive }, async (_request, reply) => {
    reply.header("cache-control", "no-store");
    return { status: "ok", ...details?.() };
  });

  const ready = {
    summary: "Database and queue are there",
    tags: ["operations"],
    response: { 200: Health, 503: Health },
  };
  app.get("/readyz", { schema: ready }, async (request, reply) => {
    const entries = Object.entries(checks);
    const results = await Promise.allSettled(entries.map(([, check]) => inTime(check)));
    const failing = entries.map(([name]) => name).filter((_, i) => results[i]?.status === "rejected");
    for (const result of results) if (result.status === "rejected") request.log.error({ err: result.reason }, "readyz");
    reply.header("cache-control", "no-store");
    if (failing.length === 0) return { status: "ok" };
    return reply.code(503).send({ status: "unavailable", failing });
  });
};

async function inTime(check: () => Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([check(), late]);
  } finally {
    clearTimeout(timer);
  }
}
