//! Light, dark, or as the system has it; and a way for what is drawn on canvases to follow.
import { useSyncExternalStore } from 'react';

export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'footpath.theme';
const listeners = new Set<() => void>();
const system = window.matchMedia('(prefers-color-scheme: dark)');
system.addEventListener('change', () => listeners.forEach(tell => tell()));

const subscribe = (tell: () => void) => {
  listeners.add(tell);
  return () => void listeners.delete(tell);
};

function stored(): Theme {
  try {
    const told = localStorage.getItem(KEY);
    return told === 'light' || told === 'dark' ? told : 'auto';
  } catch {
    return 'auto';
  }
}

let theme = stored();

function show() {
  document.documentElement.style.colorScheme = theme === 'auto' ? 'light dark' : theme;
}
show();

export function setTheme(chosen: Theme) {
  theme = chosen;
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  show();
  listeners.forEach(tell => tell());
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, () => theme);

/** What is shown, whoever chose it. */
export const useScheme = (): 'light' | 'dark' =>
  useSyncExternalStore(subscribe, () => (theme === 'auto' ? (system.matches ? 'dark' : 'light') : theme));
