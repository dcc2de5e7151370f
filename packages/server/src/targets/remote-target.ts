import type { ObjectStore } from "../object-store.ts";
import { type HttpPutSettings, httpPutTarget } from "./http-put-target.ts";
import { type S3Settings, s3Target } from "./s3-target.ts";

/** A target on the network; nothing is sent before something is put there. */
export function remoteTarget(settings: S3Settings | HttpPutSettings): ObjectStore {
  return settings.type === "s3" ? s3Target(settings) : httpPutTarget(settings);
}
