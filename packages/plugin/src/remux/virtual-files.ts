/**
 * What is at a remuxed creative's addresses: playlists and initialisation segments as they are, segments as they are made.
 *
 * @see VIRTUAL_ORIGIN for where; `playlists.ts` for the names
 */
import type { VirtualMedia, VirtualSegment } from "../ads/virtual-media.ts";
import type { ByteSource, TakenBytes } from "./byte-source.ts";
import { MediaRefusal } from "./movie.ts";
import { type VirtualPlaylistKind, writePlaylist } from "./playlists.ts";
import { createSegmentStore } from "./segment-store.ts";
import type { MadeSegment, RemuxPlan, SegmentJob } from "./segment-job.ts";

/** A media playlist of a creative. */
export interface VirtualPlaylist {
  readonly kind: VirtualPlaylistKind;
  readonly name: string;
  readonly text: string;
}

/** Pictures first. */
export function writePlaylists(plan: RemuxPlan): readonly VirtualPlaylist[] {
  const kinds: readonly VirtualPlaylistKind[] = plan.packaging === "cmaf" ? ["video", "audio"] : ["main"];
  return kinds.map((kind) => ({ kind, name: `${kind}.m3u8`, text: writePlaylist(plan, kind) }));
}

type Make = (job: SegmentJob, bytes: Uint8Array<ArrayBuffer>) => Promise<MadeSegment>;

interface StoredSegment extends Omit<TakenBytes, "bytes"> {
  readonly made: MadeSegment;
}

/** The first segment is under way when this returns. */
export function serveVirtual(
  plan: RemuxPlan,
  playlists: readonly VirtualPlaylist[],
  source: ByteSource,
  make: Make,
): VirtualMedia {
  const { segments, inits, packaging } = plan;
  const store = createSegmentStore<TakenBytes & { readonly job: SegmentJob }, StoredSegment>({
    count: segments.length,
    takers: packaging === "cmaf" ? 2 : 1,
    read: async (index, signal, onProgress) => {
      const planned = segments[index];
      if (!planned) throw new MediaRefusal("media-unavailable", `segment ${index}: expected one of ${segments.length}`);
      return { ...(await source.take(planned.ranges, signal, onProgress)), job: planned.job };
    },
    make: async (_, { bytes, job, ...network }) => ({ ...network, made: await make(job, bytes) }),
  });
  const texts = playlists.map(({ name, text }) => [name, new TextEncoder().encode(text)] as const);
  const files = new Map([
    ...texts,
    ...(inits
      ? ([
          ["v.mp4", inits.video],
          ["a.mp4", inits.audio],
        ] as const)
      : []),
  ]);
  const release = (): void => {
    const cause = new MediaRefusal("media-unavailable", "the creative was let go");
    store.release(cause);
    source.end(cause);
  };
  store.begin(0);
  return {
    release,
    load: async (path, signal, onProgress) => {
      const file = files.get(path);
      if (file) return { bytes: copy(file), networkBytes: 0, networkMs: 0, ttfbMs: 0 };
      const match = /^([va]?)(\d{1,6})\.(?:ts|m4s)$/.exec(path);
      if (!match) throw new MediaRefusal("media-unavailable", `${path}: expected a file of a remuxed creative`);
      return select(await store.take(Number(match[2]), signal, onProgress), match[1] === "a");
    },
  };
}

/** Network figures are parted by bytes, so that their rate stays. */
function select({ made, networkBytes, networkMs, ttfbMs }: StoredSegment, isAudio: boolean): VirtualSegment {
  const { main, audio = new Uint8Array() } = made;
  const bytes = isAudio ? audio : main;
  const share = bytes.length / Math.max(main.length + audio.length, 1);
  return {
    bytes: copy(bytes),
    networkBytes: Math.round(networkBytes * share),
    networkMs: networkMs * share,
    ttfbMs: ttfbMs * share,
  };
}

/** Others may take the same; players transfer what they get to their own workers. */
function copy(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
