/** What only the manifest server's workflow shows: the bootstrap URL in full, and the playlist that the server wrote. */
import type { Choice } from "../choice.ts";
import { copyText } from "../copy.ts";
import { create, find, setText } from "../elements.ts";
import { listIngredients, listParameters, type Piece, splitBootstrapUrl } from "./bootstrap.ts";
import type { PlaylistLine } from "./playlist-lines.ts";

export interface BootstrapView {
  readonly element: HTMLElement;
  /** What has changed since it was drawn before is marked for a moment. */
  readonly render: (url: URL, choice: Choice) => void;
}

/** How the URL comes to be: what it is made of, the whole with each piece marked, a button that copies it, and all parameters. */
export function createBootstrapView(): BootstrapView {
  const ingredients = create("dl", "ingredients");
  const whole = create("code", "whole");
  whole.id = "bootstrap-url";
  const parameters = create("dl");
  const copy = create("button", "small", "Copy URL");
  copy.type = "button";
  copy.id = "copy";
  const said = create("span", "note");
  said.setAttribute("role", "status");
  const list = create("details", "address-details", create("summary", "", "All parameters"), parameters);
  const element = create("div", "bootstrap", ingredients, whole, create("p", "copying", copy, said), list);
  let shown = "";
  copy.addEventListener("click", () => void copyText(shown, said, () => getSelection()?.selectAllChildren(whole)));
  return {
    element,
    render: (url, choice) => {
      if (url.href === shown) return;
      const isFirst = shown === "";
      shown = url.href;
      setText(said, "");
      renderIngredients(ingredients, choice);
      renderPieces(whole, splitBootstrapUrl(url), isFirst);
      parameters.replaceChildren(
        ...listParameters(url).flatMap(({ name, value, meaning }) => [
          create("dt", "", create("b", "", name), `=${value}`),
          create("dd", "", meaning),
        ]),
      );
    },
  };
}

function renderIngredients(list: HTMLElement, choice: Choice): void {
  const rows = listIngredients(choice, document.baseURI).map(({ kind, name, value, how }) => {
    const term = create("dt", "piece", name);
    term.dataset["kind"] = kind;
    return create("div", "", term, create("dd", "", create("b", "", value), ` ${how}`));
  });
  list.replaceChildren(...rows);
}

function renderPieces(root: HTMLElement, pieces: readonly Piece[], isFirst: boolean): void {
  const before = new Set([...root.children].map((child) => child.textContent));
  const drawn = pieces.map(({ kind, text }) => {
    if (kind === undefined) return text;
    const piece = create("span", isFirst || before.has(text) ? "piece" : "piece fresh", text);
    piece.dataset["kind"] = kind;
    return piece;
  });
  root.replaceChildren(...drawn);
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
