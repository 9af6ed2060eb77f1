//! The words of a filter with their places, as `footpath_track::search` reads them.

export type Token =
  | { kind: 'word' | 'name'; text: string }
  | { kind: 'text'; text: string; quote: "'" | '"' }
  | { kind: 'number'; text: string; value: number }
  | { kind: 'operator' | 'mark'; text: string };

/** A word, where it begins and where it ends, in characters. */
export type Placed = Token & { from: number; to: number };

/** What is wrong with a filter, and where, in characters from 0. */
export class FilterError extends Error {
  constructor(
    problem: string,
    readonly position: number,
  ) {
    super(problem);
  }
}

const OPERATORS: [string, string][] = [
  ['!=', '!='],
  ['<>', '!='],
  ['<=', '<='],
  ['>=', '>='],
  ['==', '='],
  ['=', '='],
  ['<', '<'],
  ['>', '>'],
  ['≠', '!='],
];
const WORD = /[\p{L}\p{N}_/\-:@%+*[\]#~]/u;

/** Splits a filter into words. Throws [`FilterError`]. */
export function tokens(text: string): Placed[] {
  const chars = [...text];
  const found: Placed[] = [];
  // Numbers stand behind operators, brackets and commas; elsewhere digits are part of names.
  const numberMayBegin = () => {
    const last = found.at(-1);
    return last?.kind === 'operator' || (last?.kind === 'mark' && '(,'.includes(last.text));
  };
  let at = 0;
  while (at < chars.length) {
    const from = at;
    const char = chars[at] ?? '';
    const rest = chars.slice(at, at + 2).join('');
    const operator = OPERATORS.find(([sign]) => rest.startsWith(sign));
    if (/\s/.test(char)) {
      at += 1;
    } else if (char === "'" || char === '"' || char === '`') {
      const [quoted, end] = quotedText(chars, at);
      at = end;
      if (char === '`') found.push({ kind: 'name', text: quoted, from, to: at });
      else found.push({ kind: 'text', text: quoted, quote: char, from, to: at });
    } else if (
      '(),.'.includes(char) &&
      !(char === '.' && /\d/.test(chars[at + 1] ?? '') && numberMayBegin())
    ) {
      at += 1;
      found.push({ kind: 'mark', text: char, from, to: at });
    } else if (operator) {
      at += operator[0].length;
      found.push({ kind: 'operator', text: operator[1], from, to: at });
    } else if (numberMayBegin() && /[\d\-+.]/.test(char)) {
      while (at < chars.length && numberGoesOn(chars, from, at)) at += 1;
      const spelled = chars.slice(from, at).join('');
      if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$|^[-+]?(inf|infinity|nan)$/i.test(spelled))
        throw new FilterError(`\`${spelled}\` is no number`, from);
      found.push({ kind: 'number', text: spelled, value: Number(spelled), from, to: at });
    } else if (WORD.test(char)) {
      while (at < chars.length && WORD.test(chars[at] ?? '')) at += 1;
      found.push({ kind: 'word', text: chars.slice(from, at).join(''), from, to: at });
    } else {
      throw new FilterError(`\`${char}\` belongs in quotes`, from);
    }
  }
  return found;
}

/** The text in the quotes that open at a place, and where it goes on behind them. */
function quotedText(chars: string[], open: number): [string, number] {
  const quote = chars[open] ?? '';
  let text = '';
  for (let at = open + 1; at < chars.length; at += 1) {
    const [char, next] = [chars[at] ?? '', chars[at + 1]];
    if ((char === quote && next === quote) || (char === '\\' && next === quote)) {
      text += quote;
      at += 1;
    } else if (char === quote) {
      return [text, at + 1];
    } else {
      text += char;
    }
  }
  throw new FilterError(`the quote ${quote} is never closed`, open);
}

function numberGoesOn(chars: string[], from: number, at: number): boolean {
  const char = chars[at] ?? '';
  return /[\da-zA-Z.]/.test(char) || (/[-+]/.test(char) && (at === from || /e/i.test(chars[at - 1] ?? '')));
}
