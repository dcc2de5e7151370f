/** What only the manifest server's workflow shows: the bootstrap URL in full, and the playlist that the server wrote. */
import { create, find, setText } from "../elements.ts";
import { listParameters } from "./bootstrap.ts";
import type { PlaylistLine } from "./playlist-lines.ts";

export interface AddressView {
  readonly element: HTMLElement;
  readonly render: (url: URL) => void;
}

/** The whole URL, its parameters one by one, and a button that copies it. */
export function createAddressView(): AddressView {
  const path = create("code", "whole");
  const parameters = create("dl");
  const copy = create("button", "small", "Copy URL");
  copy.type = "button";
  copy.id = "copy";
  const said = create("span", "note");
  said.setAttribute("role", "status");
  const list = create("details", "address-details", create("summary", "", "All parameters"), path, parameters);
  const element = create("div", "bootstrap", create("p", "copying", copy, said), list);
  let shown = "";
  copy.addEventListener("click", () => {
    copyText(shown, path)
      .then((isCopied) => setText(said, isCopied ? "Copied" : "Selected: copy it with the keyboard"))
      .catch(() => undefined);
  });
  return {
    element,
    render: (url) => {
      if (url.href === shown) return;
      shown = url.href;
      setText(said, "");
      setText(path, url.href);
      parameters.replaceChildren(
        ...listParameters(url).flatMap(({ name, value, meaning }) => [
          create("dt", "", create("b", "", name), `=${value}`),
          create("dd", "", meaning),
        ]),
      );
    },
  };
}

/** The clipboard is there on loopback and https alone; elsewhere the text is selected, ready for the keyboard. */
async function copyText(text: string, element: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    element.closest("details")?.setAttribute("open", "");
    getSelection()?.selectAllChildren(element);
    return false;
  }
}

/** A media playlist as it came, around its breaks. */
export interface WrittenPlaylist {
  readonly title: string;
  readonly lines: readonly PlaylistLine[];
}

export interface PlaylistView {
  readonly render: (written: WrittenPlaylist | undefined) => void;
}

/** The lines as a list; ad lines say so in words as well. */
export function createPlaylistView(): PlaylistView {
  const list = find("playlist-lines", HTMLOListElement);
  const title = find("playlist-title", HTMLSpanElement);
  let shown = "";
  return {
    render: (written) => {
      setText(title, written?.title ?? "nothing yet");
      const lines = written?.lines ?? [];
      const key = JSON.stringify(lines);
      if (key === shown) return;
      shown = key;
      list.replaceChildren(...lines.map(createLine));
    },
  };
}

function createLine({ kind, text, breakId }: PlaylistLine): HTMLLIElement {
  const line = create("li", kind, create("code", "", text));
  if (kind === "ad") line.prepend(create("span", "hidden", "ad: "));
  if (breakId !== undefined) line.dataset["break"] = breakId;
  return line;
}
