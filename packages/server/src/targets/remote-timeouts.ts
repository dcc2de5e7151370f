/** How long a store on the network may be silent. An upload as a whole is bounded by its caller's signal. */
export interface RemoteTimeouts {
  readonly connectTimeoutMs: number;
  /** Nothing sent and nothing received. */
  readonly idleTimeoutMs: number;
}
