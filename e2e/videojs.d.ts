/**
 * What the specs and examples ask of video.js. Its own types say that its default export is a module to whoever imports it from an ES
 * module, which it is not; a page's bundler reads them as they are meant (packages/plugin/tests/shapes.test.ts).
 */
declare module "video.js/dist/video.es.js" {
  type Events = import("@interlude/plugin/videojs").AdInsertionEvents;
  interface PagePlayer {
    readonly interlude: (
      options?: import("@interlude/plugin/videojs").AdInsertionOptions,
    ) => import("@interlude/plugin/videojs").InterludePlugin;
    on<K extends keyof Events>(
      event: `interlude-${K}`,
      listener: (event: { readonly detail: Events[K] }) => void,
    ): void;
    on(event: string, listener: (event: { readonly detail: object }) => void): void;
    src(source: { readonly src: string; readonly type: string }): void;
    currentTime(): number | undefined;
    error(): { readonly code: number; readonly message: string } | null;
    dispose(): void;
    reset(): void;
    textTracks(): ArrayLike<{
      readonly kind: string;
      mode: string;
      readonly cues: ArrayLike<{ readonly text: string; readonly startTime: number }> | null;
    }>;
    usingPlugin(name: string): boolean;
  }
  type VideoJs = import("@interlude/plugin/videojs").VideoJs & {
    (element: HTMLVideoElement, options: object): PagePlayer;
    getPlayer(id: string): PagePlayer | undefined;
    getTech(name: "Html5"): { registerSourceHandler(handler: object, index: number): void };
  };
  const videojs: VideoJs;
  export default videojs;
  export type { PagePlayer };
}

declare module "video.js" {
  export { default } from "video.js/dist/video.es.js";
}
