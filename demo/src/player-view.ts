/** The controls under the picture: play and pause, the timeline with its ad breaks, sound, full screen. */
import type { BreakSnapshot } from "@interlude/plugin/hls";
import { create, find, setText } from "./elements.ts";
import { formatTime } from "./format.ts";
import { type Axis, formatPlace, formatShare, locate, placeMarks } from "./timeline.ts";

/** What the player shows. */
export interface PlayerState {
  readonly state: "idle" | "starting" | "content" | "ad" | "ended" | "error";
  readonly isLive: boolean;
  /** Seconds of content, while nothing is loaded. */
  readonly duration: number;
  /** Seconds at which Play goes on, while nothing is loaded. */
  readonly position: number;
  readonly breaks: readonly BreakSnapshot[];
  /** Over the picture while an ad plays. */
  readonly badge: string | undefined;
}

export interface PlayerView {
  readonly render: (state: PlayerState) => void;
}

const STEP = 5;

/** @param start begins a viewing: what Play means while there is none */
export function createPlayerView(video: HTMLVideoElement, start: () => void): PlayerView {
  const player = find("player", HTMLDivElement);
  const badge = find("badge", HTMLParagraphElement);
  let state: PlayerState = { state: "idle", isLive: false, duration: 60, position: 0, breaks: [], badge: undefined };

  const draw = createTimelineView(video, () => state);
  bindControls(video, player, () => (state.state === "idle" ? start() : togglePlaying(video)));
  const follow = (): void => {
    draw.playhead();
    if (!video.paused && !video.ended) requestAnimationFrame(follow);
  };
  video.addEventListener("playing", follow);
  for (const event of ["timeupdate", "durationchange", "seeked", "emptied"]) video.addEventListener(event, draw.all);

  return {
    render: (next) => {
      const isSameBreaks = next.breaks === state.breaks;
      state = next;
      player.dataset["state"] = next.state;
      badge.hidden = next.badge === undefined;
      setText(badge, next.badge ?? "");
      if (!isSameBreaks) renderBreaks(next.breaks);
      draw.all();
    },
  };
}

function togglePlaying(video: HTMLVideoElement): void {
  if (video.paused) video.play().catch(() => undefined);
  else video.pause();
}

function bindControls(video: HTMLVideoElement, player: HTMLElement, onToggle: () => void): void {
  const toggle = find("toggle", HTMLButtonElement);
  const mute = find("mute", HTMLButtonElement);
  const fullscreen = find("fullscreen", HTMLButtonElement);
  const renderPlaying = (): void => {
    player.classList.toggle("playing", !video.paused);
    toggle.setAttribute("aria-label", video.paused ? "Play" : "Pause");
  };
  for (const event of ["play", "pause", "emptied", "loadedmetadata"]) video.addEventListener(event, renderPlaying);
  toggle.addEventListener("click", onToggle);
  video.addEventListener("click", onToggle);
  mute.addEventListener("click", () => (video.muted = !video.muted));
  video.addEventListener("volumechange", () => {
    mute.setAttribute("aria-pressed", String(video.muted));
    player.classList.toggle("muted", video.muted);
  });
  fullscreen.hidden = !document.fullscreenEnabled;
  fullscreen.addEventListener("click", () => {
    void (document.fullscreenElement ? document.exitFullscreen() : player.requestFullscreen());
  });
  document.addEventListener("fullscreenchange", () => {
    fullscreen.setAttribute("aria-label", document.fullscreenElement ? "Leave full screen" : "Full screen");
  });
}

/** Seconds of the stream that the bar spans. */
function readAxis(video: HTMLVideoElement, { isLive, duration, state }: PlayerState): Axis {
  const { seekable } = video;
  if (state === "idle") return { start: 0, end: duration };
  if (isLive && seekable.length > 0) return { start: seekable.start(0), end: seekable.end(seekable.length - 1) };
  return { start: 0, end: Number.isFinite(video.duration) ? video.duration : duration };
}

interface TimelineView {
  /** Cheap enough for every frame. */
  readonly playhead: () => void;
  readonly all: () => void;
}

function createTimelineView(video: HTMLVideoElement, readState: () => PlayerState): TimelineView {
  const timeline = find("timeline", HTMLDivElement);
  const marks = find("marks", HTMLDivElement);
  const time = find("time", HTMLSpanElement);
  const axis = (): Axis => readAxis(video, readState());
  const now = (): number => (readState().state === "idle" ? readState().position : video.currentTime);

  const playhead = (): void => timeline.style.setProperty("--at", formatShare(locate(axis(), now())));
  const all = (): void => {
    const state = readState();
    const span = axis();
    const length = span.end - span.start;
    playhead();
    renderMarks(marks, placeMarks(span, state.state === "idle" ? [] : state.breaks));
    const text = state.isLive ? formatBehind(span, now(), state) : `${formatTime(now())} / ${formatTime(length)}`;
    setText(time, text);
    setAttribute(timeline, "aria-valuemax", String(Math.round(length)));
    setAttribute(timeline, "aria-valuenow", String(Math.round(now() - span.start)));
    setAttribute(timeline, "aria-valuetext", state.badge === undefined ? text : `${text}, ${state.badge}`);
  };
  const seek = (target: number): void => {
    const { start, end } = axis();
    if (readState().state === "idle" || end <= start) return;
    video.currentTime = Math.min(Math.max(target, start), end - 0.1);
    all();
  };
  bindSeek(timeline, axis, () => video.currentTime, seek);
  return { playhead, all };
}

function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function formatBehind(span: Axis, now: number, { state }: PlayerState): string {
  if (state === "idle") return "Live";
  return `Live −${formatTime(Math.max(0, span.end - now))}`;
}

function bindSeek(timeline: HTMLElement, axis: () => Axis, now: () => number, seek: (target: number) => void): void {
  const seekTo = (event: PointerEvent): void => {
    const box = timeline.getBoundingClientRect();
    const { start, end } = axis();
    seek(start + ((event.clientX - box.left) / box.width) * (end - start));
  };
  timeline.addEventListener("pointerdown", (event) => {
    timeline.setPointerCapture(event.pointerId);
    seekTo(event);
  });
  timeline.addEventListener("pointermove", (event) => {
    if (timeline.hasPointerCapture(event.pointerId)) seekTo(event);
  });
  const keys: Readonly<Record<string, () => number>> = {
    ArrowLeft: () => now() - STEP,
    ArrowDown: () => now() - STEP,
    ArrowRight: () => now() + STEP,
    ArrowUp: () => now() + STEP,
    PageDown: () => now() - STEP * 4,
    PageUp: () => now() + STEP * 4,
    Home: () => axis().start,
    End: () => axis().end - 1,
  };
  timeline.addEventListener("keydown", (event) => {
    const target = keys[event.key];
    if (!target) return;
    event.preventDefault();
    seek(target());
  });
}

function renderMarks(root: HTMLElement, placed: ReturnType<typeof placeMarks>): void {
  const known = new Map([...root.children].map((child) => [child.getAttribute("data-break"), child]));
  for (const { breakId, left, width, snapshot } of placed) {
    const found = known.get(breakId);
    const mark = found instanceof HTMLElement ? found : create("div", "mark");
    known.delete(breakId);
    if (!found) root.append(mark);
    Object.assign(mark.dataset, { break: breakId, state: snapshot.state });
    mark.style.left = formatShare(left);
    mark.style.width = formatShare(width);
  }
  for (const old of known.values()) old.remove();
}

const STATE_TEXT: Readonly<Record<BreakSnapshot["state"], string>> = {
  pending: "not decided",
  placed: "ad",
  skipped: "no ad",
};

/** The breaks in words, under the bar. */
function renderBreaks(breaks: readonly BreakSnapshot[]): void {
  const items = breaks.slice(-4).map((snapshot) => {
    const place = formatPlace(snapshot, formatTime(snapshot.contentTime));
    const titles = snapshot.ads.map(({ title }) => title).join(", ");
    const text = titles === "" ? STATE_TEXT[snapshot.state] : titles;
    const item = create("li", "", create("b", "", place), ` ${text}`);
    Object.assign(item.dataset, { break: snapshot.breakId, state: snapshot.state });
    if (snapshot.reason) Object.assign(item.dataset, { reason: snapshot.reason });
    if (snapshot.reason) item.append(" ", create("i", "", snapshot.reason));
    return item;
  });
  find("breaks", HTMLUListElement).replaceChildren(...items);
}
