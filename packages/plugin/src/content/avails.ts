/**
 * Avails of the content as the ad server is asked for them.
 *
 * @see primetime.md §1.8
 */
import type { Avail } from "@interlude/core";
import { PRE_ROLL_ID } from "../ads/ad-requests.ts";
import type { AvailOrder } from "../ads/ad-server.ts";

/** Live: it takes the place of what is listed, whatever its time. */
export function orderLiveAvail({ id, duration, attributes, signal }: Avail): AvailOrder {
  const timeOffset = { seconds: 0 };
  return {
    breakId: id,
    position: "live",
    timeOffset,
    isLive: true,
    ...lengthOf(duration),
    cue: { attributes, signal },
  };
}

/** VOD: in place of the content up to its return, or for its length; of neither, inserted. */
export function orderVodAvail({ id, startTime, duration, returnTime, attributes, signal }: Avail): AvailOrder {
  const length = returnTime === undefined ? duration : returnTime - startTime;
  return {
    breakId: id === PRE_ROLL_ID ? `avail-${id}` : id,
    position: startTime > 0 ? "mid" : "pre",
    timeOffset: { seconds: startTime },
    ...lengthOf(length),
    replaces: length,
    cue: { attributes, signal },
  };
}

/** 0: not known. */
function lengthOf(duration: number): Pick<AvailOrder, "maxDuration"> {
  return duration > 0 ? { maxDuration: duration } : {};
}
