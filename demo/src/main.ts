/** The publisher's site: the catalogue, or the page of the asset, or of first encounters, that the address names. */
import { showCatalogue } from "./catalogue-view.ts";
import { isCatalogue } from "./choice.ts";
import { find, setText } from "./elements.ts";
import { isEncounterPage } from "./encounter/address.ts";
import { createPositions, findStorage } from "./positions.ts";

const query = new URLSearchParams(location.search);

/** The player comes with the pages that have one. */
async function showPlayerPage(load: () => Promise<unknown>): Promise<void> {
  try {
    await load();
  } catch (error) {
    const note = find("failure", HTMLParagraphElement);
    note.hidden = false;
    setText(note, `This page could not be opened: ${String(error)}.`);
  }
}

if (isEncounterPage(query)) void showPlayerPage(() => import("./encounter/encounter-page.ts"));
else if (isCatalogue(query)) {
  const positions = createPositions(findStorage());
  showCatalogue(query, positions);
  // who comes back by the browser's own button gets the page as it was left
  addEventListener("pageshow", ({ persisted }) => persisted && showCatalogue(query, positions));
} else void showPlayerPage(() => import("./watch.ts"));
