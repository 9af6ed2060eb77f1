//! What may come next in a filter, at the place of the cursor.
import type { Columns } from '../data/model';
import { FilterError, type Placed, tokens } from './lexer';
import { ATTRIBUTES, STATISTICS } from './parse';

export interface Suggestion {
  /** What is put in place of the characters from `from` to the cursor. */
  text: string;
  label: string;
  hint: string;
}
export interface Completion {
  from: number;
  suggestions: Suggestion[];
}

const MOST = 40;
const STATUSES = ['FINISHED', 'RUNNING', 'FAILED', 'KILLED', 'SCHEDULED'];
const SAFE = /^[\p{L}_][\p{L}\p{N}_/\-:@%+*[\]#~]*(\.[\p{L}\p{N}_/\-:@%+*[\]#~]+)*$/u;

/** A key as filters name it. */
export const quotedKey = (key: string) =>
  SAFE.test(key) ? key : key.includes('`') ? `"${key.replaceAll('"', '""')}"` : `\`${key}\``;

/** A field as filters and orders name it. */
export const fieldName = (kind: 'metrics' | 'params' | 'tags', key: string) => `${kind}.${quotedKey(key)}`;

function fields(columns: Columns): Suggestion[] {
  const of = (kind: 'metrics' | 'params' | 'tags', hint: string) =>
    columns[kind].map(key => ({ text: fieldName(kind, key), label: `${kind}.${key}`, hint }));
  return [
    ...of('metrics', 'metric'),
    ...of('params', 'parameter'),
    ...ATTRIBUTES.map(name => ({ text: name, label: name, hint: 'attribute' })),
    ...STATISTICS.map(name => ({
      text: `${name}(metrics.`,
      label: `${name}(…)`,
      hint: `${name} value of a metric`,
    })),
    ...of('tags', 'tag'),
  ];
}

const plain = (words: string[], hint: string): Suggestion[] =>
  words.map(word => ({ text: word, label: word, hint }));

/** Where the word that ends a text begins: behind the last blank, bracket or operator that is not in quotes. */
function beginning(text: string): number {
  let [from, quote] = [0, ''];
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (quote) quote = char === quote ? '' : quote;
    else if (/['"`]/.test(char)) quote = char;
    else if (/[\s()=<>!,]/.test(char)) from = at + 1;
  }
  return from;
}

/** The words before the cursor; an open quote is no obstacle. */
function wordsBefore(text: string): Placed[] | null {
  try {
    return tokens(text);
  } catch (error) {
    if (error instanceof FilterError) return null;
    throw error;
  }
}

/** What may stand at the cursor; `values` tells what a field has been seen to hold. */
export function complete(
  text: string,
  cursor: number,
  columns: Columns,
  values: (field: string) => string[] = () => [],
): Completion {
  const before = text.slice(0, cursor);
  const from = beginning(before);
  const open = before.slice(from);
  const words = wordsBefore(before.slice(0, from)) ?? [];
  const last = words.at(-1);
  const wanted = open.replace(/["'`]/g, '').toLowerCase();
  const fitting = (all: Suggestion[]) => {
    const ranked = all.filter(one => one.label.toLowerCase().includes(wanted));
    // What begins with what was written comes first, then what has it after a separator.
    const rank = (one: Suggestion) => {
      const label = one.label.toLowerCase();
      return label.startsWith(wanted)
        ? 0
        : label.includes(`.${wanted}`) || label.includes(`/${wanted}`)
          ? 1
          : 2;
    };
    return { from, suggestions: ranked.sort((a, b) => rank(a) - rank(b)).slice(0, MOST) };
  };
  const keyword = last?.kind === 'word' ? last.text.toUpperCase() : '';
  if (!last || ['AND', 'OR'].includes(keyword) || (keyword === 'NOT' && words.length === 1))
    return fitting(fields(columns));
  if (last.kind === 'mark' && last.text === '(') return fitting(fields(columns));
  if (last.kind === 'operator' || ['LIKE', 'ILIKE'].includes(keyword)) {
    const field =
      before
        .slice(0, last.from)
        .split(/\b(?:AND|OR|NOT)\b|\(/i)
        .at(-1)
        ?.trim() ?? '';
    const known = field === 'status' || field === 'attributes.status' ? STATUSES : values(field);
    return fitting(
      known.map(value => ({ text: `'${value.replaceAll("'", "''")}'`, label: value, hint: 'value' })),
    );
  }
  const complete = last.kind === 'text' || last.kind === 'number' || keyword === 'NULL';
  if (complete || (last.kind === 'mark' && last.text === ')' && words.some(word => word.kind === 'operator')))
    return fitting(plain(['AND', 'OR'], 'joins conditions'));
  if (keyword === 'IS') return fitting(plain(['NULL', 'NOT NULL'], 'whether a run has it'));
  return fitting(
    plain(['=', '!=', '<', '<=', '>', '>=', 'LIKE', 'ILIKE', 'IN (', 'IS NULL', 'IS NOT NULL'], 'comparison'),
  );
}
