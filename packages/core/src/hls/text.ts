const CARRIAGE_RETURN = 13;
const COMMA = 44;
const POINT = 46;

/** The text between two places; trimming is left out where it would change nothing, as it nearly always would. */
export function sliceTrimmed(text: string, start: number, end: number): string {
  const last = text.charCodeAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end;
  const slice = text.slice(start, last);
  return text.charCodeAt(start) > 32 && text.charCodeAt(last - 1) > 32 ? slice : slice.trim();
}

/** The number that parseFloat finds, for usual numbers without a copy of the text: this is most of the time that parsing takes. */
export function readDecimal(text: string, start: number, end: number): number {
  let [digits, scale, at] = [0, 0, start];
  for (; at < end; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit >= 0 && digit <= 9) {
      digits = digits * 10 + digit;
      scale *= 10;
    } else if (text.charCodeAt(at) === POINT && scale === 0) scale = 1;
    else break;
  }
  const isUsual = at > start && at < start + 16 && (at === end || text.charCodeAt(at) === COMMA);
  return isUsual ? digits / (scale || 1) : Number.parseFloat(text.slice(start, end));
}
