/** A link that brings back what the page shows: asset, workflow, ad, CDN, policy and, if wanted, the second. */
import { formatShared, type Shared } from "./choice.ts";
import { copyText } from "./copy.ts";
import { find, setText } from "./elements.ts";
import { formatTime } from "./format.ts";

export interface ShareView {
  readonly render: () => void;
}

/** @param read the page's state as it is now */
export function createShareView(read: () => Shared): ShareView {
  const link = find("share-link", HTMLInputElement);
  const isTimed = find("share-time", HTMLInputElement);
  const timeLabel = find("share-from", HTMLLabelElement);
  const second = find("share-second", HTMLSpanElement);
  const said = find("share-said", HTMLSpanElement);
  const render = (): void => {
    const shared = read();
    const position = Math.floor(shared.position);
    timeLabel.hidden = shared.choice.content.isLive || position < 1;
    setText(second, formatTime(position));
    const query = formatShared({ ...shared, position: isTimed.checked ? position : 0 });
    const url = new URL(`?${query}`, document.baseURI).href;
    if (link.value === url) return;
    link.value = url;
    setText(said, "");
  };
  isTimed.addEventListener("change", render);
  link.addEventListener("focus", () => link.select());
  find("share-copy", HTMLButtonElement).addEventListener("click", () => {
    render();
    void copyText(link.value, said, () => link.select());
  });
  return { render };
}
