/** The part of @eyevinn/hls-splice (which ships no types) that the bench calls. */
declare module "@eyevinn/hls-splice" {
  import type { Readable } from "node:stream";

  export default class HlsSpliceVod {
    constructor(masterUrl: string);
    load(openMaster: () => Readable, openMedia: () => Readable): Promise<void>;
    insertAdAt(
      offsetMs: number,
      masterUrl: string,
      openMaster: () => Readable,
      openMedia: () => Readable,
    ): Promise<void>;
    getMediaManifest(bandwidthBps: number): string;
  }
}
