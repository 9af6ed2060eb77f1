//! Values of runs onto axes: numbers, on a logarithmic axis where they span decades, or texts side by side.

export interface Scale {
  /** A place from 0 to 1; `null` for what the axis does not have. */
  place(value: number | string | undefined): number | null;
  ticks: { at: number; text: string }[];
  log: boolean;
  texts: boolean;
}

const short = (value: number): string => {
  const size = Math.abs(value);
  return value !== 0 && (size < 1e-3 || size >= 1e5)
    ? value.toExponential(1).replace('.0e', 'e')
    : String(Number(value.toPrecision(3)));
};

/** Steps of 1, 2 or 5 times a power of ten within a range. */
function round(low: number, high: number, count: number): number[] {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(times => times * power).find(candidate => candidate >= raw) ?? raw;
  const found: number[] = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(at);
  return found;
}

export function scaleOf(values: (number | string | undefined)[]): Scale {
  const known = values.filter(value => value !== undefined);
  const numbers = known.filter(
    (value): value is number => typeof value === 'number' && Number.isFinite(value),
  );
  if (!numbers.length || known.some(value => typeof value === 'string')) {
    const texts = [...new Set(known.map(String))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    const place = (at: number) => (texts.length > 1 ? at / (texts.length - 1) : 0.5);
    return {
      texts: true,
      log: false,
      place: value => (value === undefined ? null : place(texts.indexOf(String(value)))),
      ticks: texts.slice(0, 24).map((text, at) => ({ at: place(at), text })),
    };
  }
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const log = low > 0 && high / low >= 50;
  const of = (value: number) => (log ? Math.log10(value) : value);
  const span = of(high) - of(low);
  const place = (value: number) => (span > 0 ? (of(value) - of(low)) / span : 0.5);
  const powers = () => {
    const found: number[] = [];
    for (let at = Math.ceil(of(low) - 1e-9); at <= of(high) + 1e-9; at += 1) found.push(10 ** at);
    return found.length >= 2 ? found : [low, high];
  };
  // Few values are told as they are: there is no seed 1.5.
  const few = [...new Set(numbers)].sort((a, b) => a - b);
  const marks = few.length <= 6 ? few : log ? powers() : round(low, high, 7);
  return {
    texts: false,
    log,
    place: value =>
      typeof value === 'number' && Number.isFinite(value) && (!log || value > 0) ? place(value) : null,
    ticks: marks.map(value => ({ at: place(value), text: short(value) })),
  };
}
