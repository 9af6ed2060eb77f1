//! Values as people read them.

export const number = (value: number | string): number => (typeof value === 'number' ? value : Number(value));

export function value(told: number | string): string {
  const v = number(told);
  if (!Number.isFinite(v)) return String(told);
  const size = Math.abs(v);
  return v !== 0 && (size < 1e-3 || size >= 1e6) ? v.toExponential(3) : String(Number(v.toPrecision(5)));
}

/** Four digits, zeros too, so that a column of them lines up. */
export function aligned(told: number | string): string {
  const v = number(told);
  if (!Number.isFinite(v)) return String(told);
  const size = Math.abs(v);
  if (Number.isInteger(v) && size < 1e6) return String(v);
  if (size < 1e-3 || size >= 1e6) return v.toExponential(2);
  return size >= 1000 ? v.toFixed(1) : v.toPrecision(4);
}

/** A difference, with its sign and no more digits than a difference has. */
export function signed(v: number): string {
  const short = Number(v.toPrecision(3));
  const text = short !== 0 && Math.abs(short) < 1e-5 ? short.toExponential(1) : String(short);
  return `${v > 0 ? '+' : ''}${text}`.replace('-', '−');
}

export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  return `${Number((count / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (ms > 0 && ms < 1000) return `${Math.max(1, Math.round(ms))} ms`;
  const both = (large: number, small: number, names: [string, string]) =>
    `${large} ${names[0]}${small ? ` ${small} ${names[1]}` : ''}`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return both(Math.floor(s / 60), s % 60, ['min', 's']);
  if (s < 172_800) return both(Math.floor(s / 3600), Math.floor((s % 3600) / 60), ['h', 'min']);
  return both(Math.floor(s / 86_400), Math.floor((s % 86_400) / 3600), ['d', 'h']);
}

const two = (n: number) => String(n).padStart(2, '0');

/** Date and time of this place, sortable: 2026-03-01 17:04. */
export function time(ms: number): string {
  const at = new Date(ms);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** How long ago. */
export function ago(ms: number, now = Date.now()): string {
  const s = Math.round((now - ms) / 1000);
  if (s < 60) return 'just now';
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`;
  if (s < 30 * 86_400) return `${Math.floor(s / 86_400)} d ago`;
  return time(ms).slice(0, 10);
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`;

/** A table as CSV (RFC 4180). Texts that a spreadsheet would take for a formula get an apostrophe. */
export function csv(rows: string[][]): string {
  const cell = (text: string) => {
    const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map(row => row.map(cell).join(',')).join('\r\n');
}

/** Saves a text as a file. */
export function save(name: string, text: string, type: string) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  Object.assign(document.createElement('a'), { href: address, download: name }).click();
  URL.revokeObjectURL(address);
}
