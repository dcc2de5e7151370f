/** The publisher's site: the catalogue, or the page of the asset that the address names. */
import { showCatalogue } from "./catalogue-view.ts";
import { isCatalogue } from "./choice.ts";
import { find, setText } from "./elements.ts";
import { createPositions, findStorage } from "./positions.ts";

const query = new URLSearchParams(location.search);

/** The player comes with the page that has one. */
async function showAsset(): Promise<void> {
  try {
    await import("./watch.ts");
  } catch (error) {
    const note = find("failure", HTMLParagraphElement);
    note.hidden = false;
    setText(note, `This page could not be opened: ${String(error)}.`);
  }
}

if (isCatalogue(query)) {
  const positions = createPositions(findStorage());
  showCatalogue(query, positions);
  // who comes back by the browser's own button gets the page as it was left
  addEventListener("pageshow", ({ persisted }) => persisted && showCatalogue(query, positions));
} else void showAsset();
