import type { Api } from "./api/client.ts";
import type { ConfigInForce } from "./api/server.ts";
import type { Route } from "./route.ts";

/** What every page gets. */
export interface PageProps {
  readonly api: Api;
  readonly route: Route;
  readonly config: ConfigInForce;
}
