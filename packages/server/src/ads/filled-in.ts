/** Names that an ad tag tells, as players, pages and ad servers write macros that somebody has to fill in. */

/** `[X]`, `{X}`, `{{X}}`, `${X}`, `$X`, `%X%`, `%%X%%`; `50%` is a name. */
const MACRO = /[[\]{}]|^\$|%%|^%.*%$/;

/** Empty for a macro that nobody filled in: taken for a name, it would be the same one for everybody. */
export function filledIn(text: string): string {
  return MACRO.test(text) ? "" : text;
}
