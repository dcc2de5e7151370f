/** What the ad server of e2e/plugin/world.ts answers: VAST whose every event has a tracker in the world's log, and VMAP. */

export interface WorldMediaFile {
  readonly url: string;
  /** MIME type. */
  readonly type: string;
  /** Default: 640, 360 and 500. */
  readonly width?: number;
  readonly height?: number;
  readonly bitrateKbps?: number;
}

/** One linear ad; its trackers are `/track/{id}/{event}`. */
export interface VastAd {
  readonly id: string;
  readonly sequence?: number;
  /** In VAST's order. */
  readonly mediaFiles: readonly WorldMediaFile[];
  /** Seconds, as the response claims. */
  readonly duration: number;
  /** `offset` of each `progress` tracker, as written: `00:00:02` or `40%`. */
  readonly progress?: readonly string[];
  readonly clickThrough?: string;
  /** Queried of each tracker; macros are written as in VAST. Default: the error code, the time in the ad and the content time. */
  readonly query?: string;
  /** XML that stands at the end of InLine, or of Linear. */
  readonly extra?: { readonly inLine?: string; readonly linear?: string };
}

export const LINEAR_EVENTS = [
  "creativeView",
  "start",
  "firstQuartile",
  "midpoint",
  "thirdQuartile",
  "complete",
  "mute",
  "unmute",
  "pause",
  "resume",
  "rewind",
  "skip",
  "fullscreen",
  "exitFullscreen",
  "playerExpand",
  "playerCollapse",
  "closeLinear",
  "notUsed",
] as const;

const QUERY = "error=[ERRORCODE]&at=[ADPLAYHEAD]&media=[MEDIAPLAYHEAD]";

const cdata = (text: string): string => `<![CDATA[${text}]]>`;

/** VAST 4.2. @param base what the trackers begin with, `http://…/track/` */
export function formatVast(base: string, ads: readonly VastAd[]): string {
  return `<VAST version="4.2">${ads.map((ad) => formatAd(base, ad)).join("")}</VAST>`;
}

function formatAd(base: string, ad: VastAd): string {
  const { id, sequence, mediaFiles, duration, progress = [], clickThrough, query = QUERY, extra } = ad;
  const tracker = (event: string): string => cdata(`${base}${id}/${event}?${query}`);
  const events = LINEAR_EVENTS.map((event) => `<Tracking event="${event}">${tracker(event)}</Tracking>`);
  const points = progress.map(
    (offset) =>
      `<Tracking event="progress" offset="${offset}">${tracker(`progress-${encodeURIComponent(offset)}`)}</Tracking>`,
  );
  const click = clickThrough === undefined ? "" : `<ClickThrough>${cdata(clickThrough)}</ClickThrough>`;
  const clicks = `<VideoClicks>${click}<ClickTracking>${tracker("click")}</ClickTracking></VideoClicks>`;
  const files = mediaFiles.map(
    ({ url, type, width = 640, height = 360, bitrateKbps = 500 }) =>
      `<MediaFile delivery="progressive" type="${type}" width="${width}" height="${height}" bitrate="${bitrateKbps}">${cdata(url)}</MediaFile>`,
  );
  const linear = `<Linear><Duration>${formatTime(duration)}</Duration><TrackingEvents>${[...events, ...points].join("")}</TrackingEvents>${clicks}<MediaFiles>${files.join("")}</MediaFiles>${extra?.linear ?? ""}</Linear>`;
  const head = `<AdSystem>world</AdSystem><AdTitle>Ad ${id}</AdTitle><Error>${tracker("error")}</Error><Impression>${tracker("impression")}</Impression>`;
  const order = sequence === undefined ? "" : ` sequence="${sequence}"`;
  return `<Ad id="${id}"${order}><InLine>${head}<Creatives><Creative id="creative-${id}">${linear}</Creative></Creatives>${extra?.inLine ?? ""}</InLine></Ad>`;
}

export interface VmapBreak {
  /** `start`, `end`, `00:00:08`, `33%`, `#1`. */
  readonly at: string;
  readonly id: string;
  /** The break's ads in line, or the tag that brings them. */
  readonly source: { readonly vast: string } | { readonly tag: string };
}

/** VMAP 1.0; each break reports `breakStart`, `breakEnd` and `error` to `/track/{id}/…`. */
export function formatVmap(base: string, breaks: readonly VmapBreak[]): string {
  const items = breaks.map(({ at, id, source }) => {
    const inner =
      "vast" in source
        ? `<vmap:VASTAdData>${source.vast}</vmap:VASTAdData>`
        : `<vmap:AdTagURI templateType="vast4">${cdata(source.tag)}</vmap:AdTagURI>`;
    const events = ["breakStart", "breakEnd", "error"].map(
      (event) => `<vmap:Tracking event="${event}">${cdata(`${base}${id}/${event}?error=[ERRORCODE]`)}</vmap:Tracking>`,
    );
    return `<vmap:AdBreak timeOffset="${at}" breakType="linear" breakId="${id}"><vmap:AdSource>${inner}</vmap:AdSource><vmap:TrackingEvents>${events.join("")}</vmap:TrackingEvents></vmap:AdBreak>`;
  });
  return `<vmap:VMAP xmlns:vmap="http://www.iab.net/videosuite/vmap" version="1.0">${items.join("")}</vmap:VMAP>`;
}

/** @param seconds whole or with milliseconds, below a minute */
function formatTime(seconds: number): string {
  return `00:00:${seconds.toFixed(3).padStart(6, "0")}`;
}
