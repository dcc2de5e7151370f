/** The list of beacons as they fire. Each item tells event, break and seconds in `data-` attributes as well. */
import type { BeaconEvent } from "@interlude/plugin/hls";
import { create, find, setText } from "./elements.ts";

export interface BeaconsView {
  readonly add: (beacon: BeaconEvent) => void;
  /** How many of them the receiver has. */
  readonly setReceived: (count: number) => void;
  /** Those of another viewing, all at once; none for one that begins. */
  readonly show: (beacons: readonly BeaconEvent[]) => void;
}

const EMPTY = "Each one appears here in the second in which it fires.";

export function createBeaconsView(): BeaconsView {
  const list = find("beacons", HTMLOListElement);
  const total = find("beacon-count", HTMLSpanElement);
  let count = 0;
  let received: number | undefined;

  const renderCount = (): void => {
    const arrived = received === undefined ? "" : `, ${Math.min(received, count)} received`;
    setText(total, count === 0 ? "" : `${count} sent${arrived}`);
  };
  const show = (beacons: readonly BeaconEvent[]): void => {
    count = beacons.length;
    received = undefined;
    list.replaceChildren(...(count === 0 ? [create("li", "empty", EMPTY)] : beacons.map(createItem)));
    renderCount();
  };
  show([]);

  return {
    add: (beacon) => {
      if (count === 0) list.replaceChildren();
      count += 1;
      const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
      list.append(createItem(beacon));
      if (isAtEnd) list.scrollTop = list.scrollHeight;
      renderCount();
    },
    setReceived: (arrived) => {
      received = arrived;
      renderCount();
    },
    show,
  };
}

function createItem(beacon: BeaconEvent): HTMLLIElement {
  const { event, url, breakId, adId, time, contentTime } = beacon;
  const error = event === "error" && URL.canParse(url) ? new URL(url).searchParams.get("error") : undefined;
  const name = error ? `error ${error}` : event;
  const second = time === undefined ? "–" : `${time.toFixed(1)} s`;
  const item = create(
    "li",
    error ? "error" : "",
    create("span", "second", second),
    create("span", "event", name),
    create("span", "about", adId ?? breakId),
  );
  item.title = url;
  Object.assign(item.dataset, { event, break: breakId });
  if (contentTime !== undefined) item.dataset["contentTime"] = contentTime.toFixed(2);
  if (adId !== undefined) item.dataset["ad"] = adId;
  if (time !== undefined) item.dataset["time"] = time.toFixed(3);
  if (error) item.dataset["error"] = error;
  return item;
}
