import { expect, test } from "vitest";
import { createStreamMedia } from "../../src/viewing/stream-media.ts";

/** An element of which nothing but its events is asked. */
function createElement(): HTMLMediaElement {
  return Object.assign(Object.create(null), {
    ...listenersOf(new EventTarget()),
    currentTime: 0,
  });
}

function listenersOf(
  target: EventTarget,
): Pick<EventTarget, "addEventListener" | "removeEventListener" | "dispatchEvent"> {
  return {
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
    dispatchEvent: target.dispatchEvent.bind(target),
  };
}

test("who listens twice for the end hears it once, and no more when he has stopped", () => {
  const element = createElement();
  const media = createStreamMedia(element, {
    toStreamTime: (time) => time,
    seek: () => undefined,
    duration: () => 8,
    isOver: () => true,
  });
  let heard = 0;
  const listener = (): void => {
    heard += 1;
  };
  media.addEventListener("ended", listener);
  media.addEventListener("ended", listener);
  element.dispatchEvent(new Event("ended"));
  expect(heard).toBe(1);
  media.removeEventListener("ended", listener);
  element.dispatchEvent(new Event("ended"));
  expect(heard).toBe(1);
});
