//! Filters and orders over runs that are here already, with the meaning the server gives them.
import type { Run } from '../data/model';
import type { Field, Filter, Order, Test } from './parse';

const NUMBER = /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i;

/** What a run has in a field: texts, or one number; nothing if it lacks the field. */
function valuesOf(run: Run, field: Field): (string | number)[] {
  switch (field.of) {
    case 'metric': {
      const series = run.metrics[field.key];
      const point = series?.[field.statistic];
      return point ? [Number(point[2])] : series ? [NaN] : [];
    }
    case 'number': {
      const text = run.params[field.key];
      return text !== undefined && NUMBER.test(text) ? [Number(text)] : [];
    }
    case 'param':
    case 'tag': {
      const text = run[field.of === 'param' ? 'params' : 'tags'][field.key];
      return text === undefined ? [] : [text];
    }
    case 'dataset':
      return run.inputs.flatMap(input => {
        const text = {
          name: input.dataset.name,
          digest: input.dataset.digest,
          context: input.tags['mlflow.data.context'],
        }[field.key];
        return text === undefined ? [] : [text];
      });
    case 'attribute': {
      const value = {
        run_id: run.id,
        run_name: run.name,
        name: run.name,
        user_id: run.user,
        status: run.status,
        start_time: run.start_ms,
        created: run.start_ms,
        end_time: run.end_ms,
        duration_ms: (run.end_ms ?? run.active_ms) - run.start_ms,
        artifact_bytes: run.artifact_bytes,
        artifact_uri: null,
      }[field.key];
      return value === null || value === undefined ? [] : [value];
    }
  }
}

function compared(left: number, operator: string, right: number): boolean {
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case '=':
      return left === right;
    default:
      return left !== right;
  }
}

/** A pattern of LIKE: `%` stands for any characters, `_` for one. */
function like(pattern: string, caseSensitive: boolean): RegExp {
  const source = pattern
    .replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
    .replaceAll('%', '.*')
    .replaceAll('_', '.');
  return new RegExp(`^${source}$`, caseSensitive ? 'su' : 'isu');
}

function passes(test: Test, values: (string | number)[], field: Field): boolean {
  const texts = values.map(String);
  switch (test.is) {
    case 'null':
      return test.negated === values.length > 0;
    case 'text':
      return texts.some(text => (text === test.value) === test.equal);
    case 'in':
      return texts.some(text => test.values.includes(text) !== test.negated);
    case 'like': {
      const pattern = like(test.value, test.caseSensitive);
      return texts.some(text => pattern.test(text) !== test.negated);
    }
    case 'number': {
      // A parameter counts as the number its text spells, and as absent if it spells none.
      const numbers = field.of === 'param' ? texts.filter(text => NUMBER.test(text)) : values;
      return numbers.some(number => compared(Number(number), test.operator, test.value));
    }
  }
}

/** Whether a run passes a filter. */
export function matches(filter: Filter, run: Run): boolean {
  if ('all' in filter) return filter.all.every(part => matches(part, run));
  if ('any' in filter) return filter.any.some(part => matches(part, run));
  if ('not' in filter) return !matches(filter.not, run);
  return passes(filter.test, valuesOf(run, filter.field), filter.field);
}

/** Which of two runs comes first: absent fields last in both directions, a NaN just before them. */
export function compareRuns({ field, descending }: Order, left: Run, right: Run): number {
  const [a] = valuesOf(left, field);
  const [b] = valuesOf(right, field);
  const rank = (value: string | number | undefined) =>
    value === undefined ? 2 : Number.isNaN(value) ? 1 : 0;
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (rank(a) > 0 || a === undefined || b === undefined || a === b) return 0;
  return (a < b ? -1 : 1) * (descending ? -1 : 1);
}
