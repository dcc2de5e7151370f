/** Whether what a page says can be read. */
import type { Page } from "@playwright/test";

/** WCAG 2.2 contrast of a text with what lies behind it; both as the browser computes them. */
function contrast(text: readonly number[], behind: readonly number[]): number {
  const light = (color: readonly number[]): number => {
    const [r = 0, g = 0, b = 0] = color.map((value) => {
      const share = value / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [a, b] = [light(text), light(behind)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

export interface Readability {
  /** Texts that can be seen. */
  readonly count: number;
  /** Those below the contrast of 4.5, with their colours. */
  readonly faint: readonly string[];
}

/** @param selector the elements whose own texts are looked at */
export async function readTexts(page: Page, selector: string): Promise<Readability> {
  const texts = await page.evaluate((within) => {
    const parse = (color: string): readonly number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
    const backgroundOf = (element: Element | null): readonly number[] => {
      if (!element) return [255, 255, 255];
      const color = parse(getComputedStyle(element).backgroundColor);
      return color.length < 4 || color[3] === 1 ? color.slice(0, 3) : backgroundOf(element.parentElement);
    };
    const own = (element: Element): string =>
      [...element.childNodes]
        .map((node) => (node.nodeType === Node.TEXT_NODE ? (node.textContent ?? "") : ""))
        .join("");
    return [...document.querySelectorAll(within)]
      .filter((element) => own(element).trim() !== "" && element.checkVisibility() && !element.closest(".hidden"))
      .map((element) => ({
        text: own(element).trim(),
        color: parse(getComputedStyle(element).color).slice(0, 3),
        behind: backgroundOf(element),
      }));
  }, selector);
  const faint = texts.filter(({ color, behind }) => contrast(color, behind) < 4.5);
  return {
    count: texts.length,
    faint: faint.map(({ text, color, behind }) => `${text}: ${String(color)} on ${String(behind)}`),
  };
}
