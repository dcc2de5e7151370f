/**
 * What is told of the ad on screen, and sent for it.
 *
 * An impression is the first frame of the ad that is really on screen. A quartile counts when it is played through: a seek over it
 * fires nothing. What an ad owes with its first frame is sent before its break ends, even where a listener ends it with the first word.
 *
 * @see VAST 4.3 §3.14.1
 */
import type { BeaconSender } from "./beacons.ts";
import type { Emit } from "../events.ts";
import { describeBreak, describeBreakSubject, describeSubject, type Playing } from "./playing.ts";
import type { Timeline } from "./timeline.ts";

export interface TellingDeps {
  readonly timeline: Timeline;
  readonly emit: Emit;
  readonly beacons: BeaconSender;
  readonly toContentTime: (time: number) => number;
  /** Seconds of content at the playhead. */
  readonly contentTime: () => number;
}

export interface Telling {
  /**
   * Its first frame, so many seconds into it, is on screen.
   *
   * @param isFirst of its break
   */
  readonly begin: (ad: Playing, elapsed: number, isFirst: boolean) => void;
  /** The playhead is so many seconds into it. */
  readonly advance: (ad: Playing, elapsed: number, isPlayedOn: boolean) => void;
  /** The playhead has left it. */
  readonly end: (ad: Playing, isPlayedOn: boolean) => void;
  /** The playhead has left its break, after it. */
  readonly endBreak: (ad: Playing) => void;
}

const PROGRESS_INTERVAL = 0.25;
/** Seconds: the last frame shown of an ad lies this far before its end, EXTINF rounding and a dropped frame included. */
const END_TOLERANCE = 0.5;

export function createTelling({ timeline, emit, beacons, toContentTime, contentTime }: TellingDeps): Telling {
  /** What falls due after `from` and up to `to` seconds into the ad. */
  const fire = (ad: Playing, from: number, to: number): void => {
    for (const [occurrence, { event, url, time }] of ad.beacons.entries()) {
      if (time <= from || time > to) continue;
      beacons.send(describeSubject(ad, toContentTime(ad.startTime + time)), event, url, time, occurrence);
    }
  };
  const sendBreak = (ad: Playing, event: "breakStart" | "breakEnd"): void =>
    beacons.sendBreak(describeBreakSubject(ad, contentTime()), event, ad.entry.planned[event]);
  /** With the first frame; what was sent is not sent again. */
  const owe = (ad: Playing): void => {
    sendBreak(ad, "breakStart");
    fire(ad, -1, 0);
  };
  return {
    begin: (ad, elapsed, isFirst) => {
      if (isFirst) emit("adbreakstart", describeBreak(ad, timeline));
      if (!ad.isLeft) owe(ad);
      if (!ad.isLeft) emit("adstart", ad.event);
      if (ad.isLeft || elapsed < END_TOLERANCE) return;
      // entered by a seek: what lies before was not seen
      ad.isWhole = false;
      ad.time = elapsed;
    },
    advance: (ad, elapsed, isPlayedOn) => {
      if (isPlayedOn) fire(ad, ad.time, elapsed);
      else ad.isWhole = false;
      ad.time = elapsed;
      if (ad.isLeft || Math.abs(elapsed - ad.progressAt) < PROGRESS_INTERVAL) return;
      ad.progressAt = elapsed;
      emit("adprogress", { ...ad.event, time: elapsed });
    },
    end: (ad, isPlayedOn) => {
      if (ad.isLeft) return;
      ad.isLeft = true;
      const isComplete = isPlayedOn && ad.time >= ad.event.duration - END_TOLERANCE;
      ad.isWhole &&= isComplete;
      if (!isComplete) return;
      fire(ad, ad.time, ad.event.duration);
      beacons.finish(describeSubject(ad, contentTime()));
      emit("adcomplete", ad.event);
    },
    endBreak: (ad) => {
      owe(ad);
      sendBreak(ad, "breakEnd");
      emit("adbreakcomplete", { ...describeBreak(ad, timeline), watched: ad.isWhole });
    },
  };
}
