/** The manifest server's addresses below `/auditude`. */
import type { ZoneConfig } from "../zones.ts";
import type { SessionOptions } from "./options.ts";
import type { SessionState, Viewer } from "./session.ts";
import type { RequestTrace } from "./trace.ts";

/** One media playlist, asked for by one viewer; the address was signed by this server. */
export interface MediaRequest {
  readonly state: SessionState;
  readonly options: SessionOptions;
  readonly zone: ZoneConfig;
  readonly kind: "live" | "vod";
  /** Kilobits per second, or `webvtt`, `audio`, `video`, `iframe`, `image`. */
  readonly slot: string;
  readonly contentUrl: URL;
  /** As the viewer reached this server. */
  readonly baseUrl: URL;
  readonly viewer: Viewer;
  /** `pttrackingposition` is there: the sidecar is the answer. */
  readonly wantsSidecar: boolean;
  /** The server has too much to do: the content goes out as it is. */
  readonly isShed: boolean;
  readonly trace: RequestTrace;
}

/** Conditional requests are answered from `etag` and `last-modified` where `headers` has them. */
export interface MediaAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly body: string;
}
