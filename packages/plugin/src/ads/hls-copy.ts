/**
 * HLS-to-HLS: HLS whose segments or packaging do not fit the content gives way to its repackaged copy; until there is one, it is
 * used as far as it can be.
 *
 * @see primetime.md §3.8; DESIGN §4 step 2
 */
import { type Creative, type JitContext, type JitPorts, type Resolution, resolveRepackaged } from "@interlude/core";
import type { SkippedMedia, SplicedMedia } from "./cdn.ts";

/** What is spliced of a creative, and from where. */
export interface FoundMedia extends SplicedMedia {
  readonly mediaUrl: string;
}

export interface CopyPorts extends JitPorts {
  readonly loadMedia: (url: URL) => Promise<SplicedMedia | SkippedMedia>;
}

type Resolved = Exclude<Resolution, { readonly skipped: unknown }>;

/**
 * The media of a creative that was resolved, never without renditions.
 *
 * @throws as `loadMedia` and {@link resolveRepackaged}
 */
export async function loadFitting(
  resolved: Resolved,
  creative: Creative,
  context: JitContext,
  ports: CopyPorts,
): Promise<FoundMedia | SkippedMedia> {
  const { playlistUrl, mediaFile, isRepackaged } = resolved;
  const media = await ports.loadMedia(playlistUrl);
  if ("skipped" in media) return media;
  const original = { ...media, mediaUrl: playlistUrl.href };
  if (media.misfit === undefined) return original;
  const refused: SkippedMedia = {
    skipped: media.misfit,
    message: `${playlistUrl.href}: no rendition fits the content`,
  };
  if (isRepackaged) return media.renditions.length > 0 ? original : refused;

  const copy = await resolveRepackaged(creative, mediaFile, context, ports);
  if (!("skipped" in copy)) {
    const other = await ports.loadMedia(copy.playlistUrl).catch(() => refused);
    if (!("skipped" in other) && other.renditions.length > 0) return { ...other, mediaUrl: copy.playlistUrl.href };
  }
  if (media.renditions.length > 0) return original;
  const state = "skipped" in copy ? copy.skipped : "its copy does not fit either";
  return { ...refused, message: `${playlistUrl.href}: HLS that does not fit the content (${state})` };
}
