/**
 * What the viewer has made of the player: sound and full screen.
 */

export function isMuted(media: Pick<HTMLMediaElement, "muted" | "volume">): boolean {
  return media.muted || media.volume === 0;
}

/** Whether the element, or the player around it, fills the screen. */
export function isFullscreen(media: HTMLMediaElement): boolean {
  // in a shadow tree the document names the host
  const root = media.getRootNode();
  const own = root instanceof ShadowRoot ? root.fullscreenElement : null;
  const element = own ?? media.ownerDocument.fullscreenElement ?? readLegacy(media.ownerDocument);
  return (element?.contains(media) ?? false) || Reflect.get(media, "webkitDisplayingFullscreen") === true;
}

/** Safari before 16.4. */
function readLegacy(document: Document): Element | undefined {
  const element: unknown = Reflect.get(document, "webkitFullscreenElement");
  return element instanceof Element ? element : undefined;
}

/** How the content began to play; undefined: it has not, or the browser does not say. */
export type StartCause = "click" | "autoplay" | "muted-autoplay" | undefined;

/** To be asked while `play` is told: a play without a gesture of the viewer is the page's. */
export function readStartCause(media: HTMLMediaElement): StartCause {
  const { userActivation } = navigator;
  if (!userActivation) return undefined;
  if (userActivation.isActive) return "click";
  return isMuted(media) ? "muted-autoplay" : "autoplay";
}
