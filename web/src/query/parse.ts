//! The grammar of filters, as `footpath_track::search` has it: MLflow's, with `OR`, `NOT`, brackets and statistics.
import { FilterError, type Placed, tokens } from './lexer';

export type Statistic = 'last' | 'first' | 'min' | 'max' | 'best';
export type Field =
  | { of: 'metric'; statistic: Statistic; key: string }
  /** `number` is the number that a parameter's text spells. */
  | { of: 'param' | 'number' | 'tag' | 'attribute' | 'dataset'; key: string };
export type Test =
  | { is: 'number'; operator: string; value: number }
  | { is: 'text'; equal: boolean; value: string }
  | { is: 'like'; value: string; caseSensitive: boolean; negated: boolean }
  | { is: 'in'; values: string[]; negated: boolean }
  | { is: 'null'; negated: boolean };
export type Filter = { all: Filter[] } | { any: Filter[] } | { not: Filter } | { field: Field; test: Test };
export interface Order {
  field: Field;
  descending: boolean;
}

/** What runs have besides metrics, parameters and tags. */
export const ATTRIBUTES = [
  'run_id',
  'run_name',
  'name',
  'user_id',
  'status',
  'start_time',
  'created',
  'end_time',
  'duration_ms',
  'artifact_bytes',
];
export const STATISTICS: Statistic[] = ['best', 'last', 'first', 'min', 'max'];
const NUMBERS = ['start_time', 'created', 'end_time', 'duration_ms', 'artifact_bytes'];
const KINDS: Record<string, 'metric' | 'param' | 'tag' | 'attribute' | 'dataset'> = {
  metric: 'metric',
  metrics: 'metric',
  param: 'param',
  params: 'param',
  parameter: 'param',
  parameters: 'param',
  tag: 'tag',
  tags: 'tag',
  attribute: 'attribute',
  attributes: 'attribute',
  attr: 'attribute',
  run: 'attribute',
  dataset: 'dataset',
  datasets: 'dataset',
};

/** Reads a filter; a blank one lets everything pass. Throws [`FilterError`]. */
export function parseFilter(text: string): Filter {
  const parser = new Parser(text);
  if (parser.done()) return { all: [] };
  const filter = parser.any();
  parser.end('AND, OR or the end');
  return filter;
}

/** Reads one part of an order. Throws [`FilterError`]. */
export function parseOrder(text: string): Order {
  const parser = new Parser(text);
  const field = parser.field();
  const descending = parser.keyword('DESC');
  if (!descending) parser.keyword('ASC');
  parser.end('ASC, DESC or the end');
  return { field, descending };
}

/** Where `text` is wrong, if it is. */
export function problem(text: string): FilterError | null {
  try {
    parseFilter(text);
    return null;
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
}

class Parser {
  private readonly words: Placed[];
  private at = 0;

  constructor(private readonly text: string) {
    this.words = tokens(text);
  }

  done = () => this.at >= this.words.length;
  private peek = () => this.words[this.at];

  private fail(problem: string): never {
    throw new FilterError(problem, this.peek()?.from ?? [...this.text].length);
  }

  end(expected: string) {
    if (!this.done()) this.fail(`expected ${expected}`);
  }

  keyword(word: string): boolean {
    const next = this.peek();
    if (next?.kind !== 'word' || next.text.toUpperCase() !== word) return false;
    this.at += 1;
    return true;
  }

  private mark(mark: string): boolean {
    const next = this.peek();
    if (next?.kind !== 'mark' || next.text !== mark) return false;
    this.at += 1;
    return true;
  }

  any(): Filter {
    const parts = [this.all()];
    while (this.keyword('OR')) parts.push(this.all());
    return parts.length === 1 ? (parts[0] as Filter) : { any: parts };
  }

  private all(): Filter {
    const parts = [this.not()];
    while (this.keyword('AND')) parts.push(this.not());
    return parts.length === 1 ? (parts[0] as Filter) : { all: parts };
  }

  private not(): Filter {
    if (this.keyword('NOT')) return { not: this.not() };
    if (!this.mark('(')) return this.clause();
    const inner = this.any();
    if (!this.mark(')')) this.fail('expected `)`');
    return inner;
  }

  private clause(): Filter {
    const field = this.field();
    if (this.keyword('IS')) {
      const negated = this.keyword('NOT');
      if (!this.keyword('NULL')) this.fail('expected NULL');
      return { field, test: { is: 'null', negated } };
    }
    const negated = this.keyword('NOT');
    if (this.keyword('IN')) return { field, test: { is: 'in', values: this.texts(), negated } };
    for (const [word, caseSensitive] of [
      ['LIKE', true],
      ['ILIKE', false],
    ] as const)
      if (this.keyword(word))
        return { field, test: { is: 'like', value: this.quoted(), caseSensitive, negated } };
    if (negated) this.fail('expected IN, LIKE or ILIKE after NOT');
    const operator = this.peek();
    if (operator?.kind !== 'operator')
      this.fail('expected a comparison (=, !=, <, <=, >, >=, LIKE, ILIKE, IN, IS NULL)');
    this.at += 1;
    return { field, test: this.comparison(field, operator.text) };
  }

  private comparison(field: Field, operator: string): Test {
    const numeric =
      field.of === 'metric' ||
      field.of === 'number' ||
      (field.of === 'attribute' && NUMBERS.includes(field.key));
    const next = this.peek();
    if (next?.kind === 'number' && (numeric || field.of === 'param')) {
      this.at += 1;
      return { is: 'number', operator, value: next.value };
    }
    if (numeric) this.fail('expected a number without quotes');
    const value = this.quoted();
    if (operator === '=' || operator === '!=') return { is: 'text', equal: operator === '=', value };
    this.at -= 2;
    this.fail(`\`${operator}\` compares numbers: texts are compared by =, !=, LIKE, ILIKE and IN`);
  }

  private quoted(): string {
    const next = this.peek();
    if (next?.kind !== 'text') this.fail('expected a text in quotes');
    this.at += 1;
    return next.text;
  }

  private texts(): string[] {
    if (!this.mark('(')) this.fail('expected `(`');
    const texts = [this.quoted()];
    while (this.mark(',')) texts.push(this.quoted());
    if (!this.mark(')')) this.fail('expected `,` or `)`');
    return texts;
  }

  private part(expected: string): string {
    const next = this.peek();
    if (next?.kind !== 'word' && next?.kind !== 'name' && !(next?.kind === 'text' && next.quote === '"'))
      this.fail(`expected ${expected}`);
    this.at += 1;
    return next.text;
  }

  field(): Field {
    const begin = this.at;
    const first = this.part('a field such as metrics.loss, params.lr, tags.kind or an attribute');
    const statistic = STATISTICS.find(one => one === first.toLowerCase());
    if (statistic && this.mark('(')) {
      const inner = this.field();
      if (inner.of !== 'metric') this.fail(`${first}(…) takes a metric, such as ${first}(metrics.loss)`);
      if (!this.mark(')')) this.fail('expected `)`');
      return { ...inner, statistic };
    }
    if (first.toLowerCase() === 'number' && this.mark('(')) {
      const inner = this.field();
      if (inner.of !== 'param') this.fail('number(…) takes a parameter, such as number(params.lr)');
      if (!this.mark(')')) this.fail('expected `)`');
      return { of: 'number', key: inner.key };
    }
    if (!this.mark('.')) return this.attribute(first, begin);
    let key = this.part('a key; keys with spaces stand in back quotes');
    while (this.mark('.')) key += `.${this.part('the rest of the key')}`;
    const of = KINDS[first.toLowerCase()];
    if (!of) {
      this.at = begin;
      this.fail(`\`${first}\` is no kind of field: expected metrics, params, tags, attributes or datasets`);
    }
    if (of === 'metric') return { of, statistic: 'last', key };
    return of === 'attribute' ? this.attribute(key, begin) : { of, key };
  }

  private attribute(name: string, begin: number): Field {
    if (![...ATTRIBUTES, 'artifact_uri'].includes(name.toLowerCase())) {
      this.at = begin;
      this.fail(`there is no attribute \`${name}\`: the attributes are ${ATTRIBUTES.join(', ')}`);
    }
    return { of: 'attribute', key: name.toLowerCase() };
  }
}
