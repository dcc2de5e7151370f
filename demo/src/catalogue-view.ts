/** The publisher's catalogue: one card for each asset, with its ads and where this visitor was in it. */
import { type Content, CONTENTS, type CreativeChoice, CREATIVES } from "./catalog.ts";
import { formatChoice, readChoice } from "./choice.ts";
import { create, find, setText } from "./elements.ts";
import { formatTime } from "./format.ts";
import type { Positions } from "./positions.ts";
import { formatShare } from "./timeline.ts";

/** Shows the catalogue. @param query of the page's address, which may ask for an asset that is not there */
export function showCatalogue(query: URLSearchParams, positions: Positions): void {
  const unknown = query.get("content");
  const note = find("catalogue-note", HTMLParagraphElement);
  note.hidden = unknown === null;
  setText(note, `The address asks for “${(unknown ?? "").slice(0, 60)}”, which is not in the catalogue.`);
  const cards = CONTENTS.map((content) => createCard(content, positions.read(content)));
  find("assets", HTMLUListElement).replaceChildren(...cards);
  find("catalogue", HTMLElement).hidden = false;
}

function createCard(content: Content, position: number): HTMLLIElement {
  const { id, name, isLive, duration, poster } = content;
  const image = create("img");
  Object.assign(image, { src: poster, alt: "", width: 1280, height: 720 });
  const length = create("span", isLive ? "length live" : "length", isLive ? "Live" : formatTime(duration));
  const creative = CREATIVES.find((one) => one.id === content.creative);
  const title = create("span", "name", name);
  const card = create(
    "a",
    "asset card",
    create("span", "still", image, length),
    createBar(content, position),
    title,
    create("span", "about", describeAds(content, creative)),
  );
  card.href = `?${formatChoice(readChoice(new URLSearchParams({ content: id })))}`;
  if (position > 0) card.append(create("span", "resume", `Resume at ${formatTime(position)}`));
  const item = create("li", "", card);
  item.dataset["asset"] = id;
  item.dataset["position"] = String(Math.floor(position));
  return item;
}

/** The film from left to right: how far the visitor came, and where its ads are. Told in words beside it. */
function createBar({ breaks, duration }: Content, position: number): HTMLElement {
  const seen = create("span", "seen");
  seen.style.width = formatShare(position / duration);
  const pins = breaks.map((second) => {
    const place = second === 0 ? "pin first" : second === duration ? "pin last" : "pin";
    const pin = create("span", place);
    pin.style.left = formatShare(second / duration);
    return pin;
  });
  const bar = create("span", "film", seen, ...pins);
  bar.setAttribute("aria-hidden", "true");
  return bar;
}

function describeAds({ note }: Content, creative: CreativeChoice | undefined): string {
  return creative ? `${note}. The ad came as ${creative.format}.` : `${note}.`;
}
