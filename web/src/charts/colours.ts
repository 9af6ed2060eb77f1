//! A colour for each run: the same everywhere, another if two of those shown would share it, or the one chosen for it.
import { useCallback, useSyncExternalStore } from 'react';

/** Told apart on white and on near-black, by colour-blind people too as far as twelve can be. */
export const COLOURS = [
  '#2f7ed8',
  '#e8830c',
  '#16a06f',
  '#d6336c',
  '#8b6fd8',
  '#7d8a00',
  '#12a5bd',
  '#dc3b2f',
  '#8f5b34',
  '#e06ec2',
  '#3f5fa8',
  '#5f6b76',
];

const KEY = 'footpath.colours';
const listeners = new Set<() => void>();
let chosen: Record<string, string> = {};
try {
  chosen = JSON.parse(localStorage.getItem(KEY) ?? '{}');
} catch {
  // Without storage colours are as they fall.
}

/** Chooses a run's colour. */
export function setColour(run: string, colour: string) {
  chosen = { ...chosen, [run]: colour };
  try {
    localStorage.setItem(KEY, JSON.stringify(chosen));
  } catch {
    // The choice lasts as long as the page.
  }
  listeners.forEach(tell => tell());
}

/** FNV-1a. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1)
    state = Math.imul(state ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return state;
}

/** The colours of runs that are shown together, in their order. */
export function assign(ids: string[], own: Record<string, string> = chosen): string[] {
  const taken = new Set<number>();
  return ids.map(id => {
    const told = own[id];
    if (told) return told;
    let at = hash(id) % COLOURS.length;
    for (let step = 0; step < COLOURS.length && taken.has(at); step += 1) at = (at + 1) % COLOURS.length;
    taken.add(at);
    return COLOURS[at] ?? '#2f7ed8';
  });
}

const subscribe = (tell: () => void) => {
  listeners.add(tell);
  return () => void listeners.delete(tell);
};

/** The colours of runs that are shown together, as they are chosen now. */
export function useColours(ids: string[]): string[] {
  return assign(
    ids,
    useSyncExternalStore(subscribe, () => chosen),
  );
}

/** Each run's own colour, where too many are shown for all to differ. */
export function useOwnColours(): (id: string) => string {
  const own = useSyncExternalStore(subscribe, () => chosen);
  return useCallback(id => own[id] ?? COLOURS[hash(id) % COLOURS.length] ?? '#888888', [own]);
}

/** Viridis, from 0 to 1: equal steps look equal, in grey too. */
export function viridis(at: number): string {
  const stops = [
    [68, 1, 84],
    [59, 82, 139],
    [33, 145, 140],
    [94, 201, 98],
    [253, 231, 37],
  ];
  const place = Math.min(1, Math.max(0, at)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(place));
  const mixed = [0, 1, 2].map(i => {
    const [a, b] = [stops[low]?.[i] ?? 0, stops[low + 1]?.[i] ?? 0];
    return Math.round(a + (b - a) * (place - low));
  });
  return `rgb(${mixed.join(' ')})`;
}
