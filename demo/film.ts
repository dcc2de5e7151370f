/**
 * What the demo shows: one content film (a day in a minute, which loops) and one poster per creative, as ffmpeg filter
 * graphs. Pure: text out. Every graph ends in `[v]` (1280x720, 25 fps, the strip at the bottom) and `[a]` (48 kHz stereo).
 */
import { formatStripLuma, STRIP_BLOCKS, STRIP_SHARE } from "./strip.ts";

export const WIDTH = 1280;
export const HEIGHT = 720;
export const FRAME_RATE = 25;
const PICTURE_HEIGHT: number = HEIGHT * (1 - STRIP_SHARE);

/** Font files for captions; undefined where the machine has none, which leaves the captions out. */
export interface Fonts {
  readonly regular: string;
  readonly bold: string;
  readonly mono: string;
}

/** How a creative looks and sounds. Colours are `rrggbb`. */
export interface Poster {
  readonly brand: string;
  readonly line: string;
  /** What the creative is, for the corner. */
  readonly caption: string;
  readonly colours: readonly [top: string, bottom: string];
  readonly motif: Motif;
  /** Hz of the lowest note. */
  readonly root: number;
}

export type Motif = "rings" | "stripes" | "waves" | "dots" | "arches";

/** One caption, by ffmpeg's `drawtext`; `text` may hold its %{…} expansions. */
function caption(font: string, text: string, place: { x: string; y: number; size: number; alpha?: number }): string {
  const safe = text.replaceAll("\\", "").replaceAll("'", "’").replaceAll(":", "\\:");
  const look = `x=${place.x}:y=${place.y}:fontsize=${place.size}:fontcolor=white@${place.alpha ?? 1}`;
  return `drawtext=fontfile='${font}':text='${safe}':${look}`;
}

/** A still picture with transparency, drawn once and repeated. */
function still(size: string, colour: readonly [string, string, string], alpha: string): string {
  const [red, green, blue] = colour;
  const draw = `geq=r='${red}':g='${green}':b='${blue}':a='${alpha}'`;
  return `color=c=black:s=${size}:r=${FRAME_RATE},format=rgba,${draw},trim=end_frame=1,format=yuva420p,loop=-1:1`;
}

/** The strip, as wide as the picture. */
function strip(source: number): string {
  const draw = `geq=lum='${formatStripLuma(source)}':cb=128:cr=128`;
  const size = `scale=${WIDTH}:${HEIGHT - PICTURE_HEIGHT}:flags=neighbor`;
  return `color=c=black:s=${STRIP_BLOCKS}x1:r=${FRAME_RATE},format=yuv444p,${draw},${size},format=yuv420p`;
}

/** Night, day and dusk of one colour channel, at the top and at the horizon. */
function skyChannel(night: readonly [number, number], day: readonly [number, number], dusk: readonly [number, number]) {
  const sun = "st(0,cos(2*PI*(T/60-0.29))+0.125)";
  const light = "st(1,clip((ld(0)+0.3)/0.75,0,1));st(2,exp(-pow((ld(0)-0.02)/0.36,2)));st(3,pow(clip(Y/520,0,1),1.4))";
  const mix = (index: 0 | 1): string =>
    `((${night[index]}*(1-ld(1))+${day[index]}*ld(1))*(1-ld(2))+${dusk[index]}*ld(2))`;
  return `${sun};${light};${mix(0)}*(1-ld(3))+${mix(1)}*ld(3)`;
}

/** A ridge that repeats every 1,280 pixels, so that it can scroll for ever. */
function ridge(
  colour: readonly [string, string, string],
  alpha: number,
  line: { base: number; high: number; waves: number },
) {
  const { base, high, waves } = line;
  const angle = "2*PI*X/1280";
  const edge = `${base}+${high}*sin(${angle}*${waves}+${base})+${high / 2}*sin(${angle}*${waves * 2 + 1}+${high})`;
  return still(`${WIDTH * 2}x${PICTURE_HEIGHT}`, colour, `255*${alpha}*clip(Y-(${edge}),0,1)`);
}

function disc(radius: number, glow: number, cut: string): string {
  const distance = `hypot(X-${glow},Y-${glow})`;
  return `255*max(clip(${radius}-${distance},0,1)*${cut},0.45*exp(-pow(${distance}/${glow / 2},2))*clip((${glow}-${distance})/40,0,1))`;
}

/** The content: dawn at 0 s, noon at 17 s, dusk at 33 s, night, and dawn again where it loops. */
export function formatContentGraph(source: number, duration: number, fonts: Fonts | undefined): string {
  const sky = [
    skyChannel([9, 34], [52, 186], [74, 255]),
    skyChannel([13, 42], [126, 222], [62, 158]),
    skyChannel([36, 92], [204, 246], [134, 104]),
  ].map((channel, index) => `${"rgb"[index]}='${channel}'`);
  const starFade = `trim=duration=${duration},fade=t=in:st=35:d=6:alpha=1,fade=t=out:st=52:d=6:alpha=1`;
  const starShape = "if(gt(random(1),0.9985),60+195*random(2),0)*clip(1.1-Y/470,0,1)";
  const graph = [
    `color=c=black:s=4x${PICTURE_HEIGHT}:r=${FRAME_RATE},format=gbrp,geq=${sky.join(":")},scale=${WIDTH}:${PICTURE_HEIGHT}:flags=neighbor,format=yuv420p[sky]`,
    `${still(`${WIDTH}x${PICTURE_HEIGHT}`, ["255", "255", "255"], starShape)},${starFade}[stars]`,
    `${still("320x320", ["255", "236", "190"], disc(58, 160, "1"))}[sun]`,
    `${still("200x200", ["232", "238", "255"], disc(34, 100, "clip(hypot(X-116,Y-90)-30,0,1)"))}[moon]`,
    `${ridge(["46", "50", "104"], 0.42, { base: 430, high: 42, waves: 1 })}[far]`,
    `${ridge(["28", "32", "76"], 0.66, { base: 505, high: 36, waves: 2 })}[near]`,
    `${ridge(["13", "17", "44"], 0.92, { base: 596, high: 26, waves: 2 })}[front]`,
    "[sky][stars]overlay=0:0[c0]",
    "[c0][sun]overlay=x='-160+1280*(0.08+0.84*t/34)':y='300-sin(PI*(t+0.8)/35)*270':enable='lt(t,38)'[c1]",
    "[c1][moon]overlay=x='-100+1280*(0.14+0.74*(t-35)/25)':y='400-sin(PI*(t-35)/25)*330':enable='gt(t,34)'[c2]",
    "[c2][far]overlay=x='-mod(t*1280/60,1280)':y=0[c3]",
    "[c3][near]overlay=x='-mod(t*1280/30,1280)':y=0[c4]",
    "[c4][front]overlay=x='-mod(t*1280/15,1280)':y=0[c5]",
    `[c5]${formatContentCaptions(duration, fonts)}[picture]`,
  ];
  return [...graph, ...formatEnd(source, duration, pad())].join(";");
}

function formatContentCaptions(duration: number, fonts: Fonts | undefined): string {
  if (!fonts) return "null";
  return [
    caption(fonts.bold, "A day in a minute", { x: "48", y: 44, size: 34 }),
    caption(fonts.regular, "the publisher's content", { x: "48", y: 90, size: 22, alpha: 0.85 }),
    caption(fonts.mono, `%{eif:t:d:2} of ${duration} s`, { x: "w-tw-48", y: 48, size: 28 }),
  ].join(",");
}

const MOTIFS: Readonly<Record<Motif, { alpha: string; x: string; y: string }>> = {
  rings: { alpha: "34*clip(8*sin(hypot(X-1280,Y-688)/26),0,1)", x: "-640+300*sin(t/3)", y: "-344+90*cos(t/2)" },
  stripes: { alpha: "36*clip((mod(X+Y,320)-160)/2,0,1)", x: "-mod(t*160,320)", y: "0" },
  waves: {
    alpha:
      "26*(clip(Y-(300+40*sin(X*PI/320)),0,1)+clip(Y-(430+30*sin(X*PI/213.333+2)),0,1)+clip(Y-(560+24*sin(X*PI/160+4)),0,1))",
    x: "-mod(t*80,1280)",
    y: "14*sin(t*1.3)",
  },
  dots: { alpha: "40*clip(34-hypot(mod(X,160)-80,mod(Y,160)-80),0,1)", x: "-mod(t*60,160)", y: "-mod(t*40,160)" },
  arches: {
    alpha: "38*clip(6*sin((8+hypot(mod(X,320)-160,max(0,420-Y)))/13),0,1)*lt(hypot(mod(X,320)-160,max(0,420-Y)),150)",
    x: "-mod(t*96,320)",
    y: "0",
  },
};

/** One ad: a poster whose ground moves, with what it is and the seconds that are left. */
export function formatPosterGraph(source: number, duration: number, poster: Poster, fonts: Fonts | undefined): string {
  const [top, bottom] = poster.colours;
  const channel = (at: number): string => {
    const [from, to] = [top, bottom].map((colour) => Number.parseInt(colour.slice(at, at + 2), 16));
    return `${from}+(${to}-${from})*(Y/${PICTURE_HEIGHT}*0.75+X/${WIDTH}*0.25)`;
  };
  const motif = MOTIFS[poster.motif];
  const ground = `geq=r='${channel(0)}':g='${channel(2)}':b='${channel(4)}'`;
  const bar = `color=c=white:s=${WIDTH}x10:r=${FRAME_RATE}[bar]`;
  const graph = [
    `color=c=black:s=${WIDTH}x${PICTURE_HEIGHT}:r=${FRAME_RATE},format=gbrp,${ground},trim=end_frame=1,format=yuv420p,loop=-1:1,setpts=N[ground]`,
    `${still(`${WIDTH * 2}x${PICTURE_HEIGHT * 2}`, ["255", "255", "255"], motif.alpha)}[motif]`,
    bar,
    `[ground][motif]overlay=x='${motif.x}':y='${motif.y}'[p0]`,
    `[p0][bar]overlay=x='-w+w*t/${duration}':y=${PICTURE_HEIGHT - 10}[p1]`,
    `[p1]${formatPosterCaptions(duration, poster, fonts)}[picture]`,
  ];
  return [...graph, ...formatEnd(source, duration, arpeggio(poster.root))].join(";");
}

function formatPosterCaptions(duration: number, poster: Poster, fonts: Fonts | undefined): string {
  if (!fonts) return "null";
  return [
    caption(fonts.bold, poster.brand, { x: "80", y: 262, size: 92 }),
    caption(fonts.regular, poster.line, { x: "84", y: 382, size: 36, alpha: 0.95 }),
    caption(fonts.bold, "Advertisement", { x: "84", y: 56, size: 26 }),
    caption(fonts.regular, poster.caption, { x: "84", y: 590, size: 28, alpha: 0.95 }),
    caption(fonts.mono, `%{eif:ceil(${duration}-t):d}`, { x: "w-tw-84", y: 44, size: 56 }),
  ].join(",");
}

/** The picture above its strip, cut to length, and the sound. */
function formatEnd(source: number, duration: number, sound: string): readonly string[] {
  return [
    `${strip(source)}[strip]`,
    `[picture]format=yuv420p[upper];[upper][strip]vstack,trim=duration=${duration},setsar=1[v]`,
    `aevalsrc=exprs='${sound}|${sound}':s=48000:d=${duration}:c=stereo[a]`,
  ];
}

/** A soft chord that never starts or ends, for content that loops every minute. */
function pad(): string {
  const voice = (hz: number, breaths: number): string => `sin(2*PI*${hz}*t)*(0.6+0.4*sin(2*PI*t*${breaths}/60))`;
  return `0.03*(${voice(220, 3)}+${voice(277, 5)}+${voice(330, 7)})`;
}

/** Four plucked notes a second and a half, over and over; each ad has its own root. */
function arpeggio(root: number): string {
  const step = "floor(mod(t*2,4))";
  const pitch = `${root}*(1+0.25*eq(${step},1)+0.5*eq(${step},2)+eq(${step},3))`;
  return `0.11*sin(2*PI*${pitch}*mod(t,0.5))*exp(-4*mod(t,0.5))*min(1,mod(t,0.5)*200)`;
}
