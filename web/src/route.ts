//! Which screen is shown: `#/path?query`, so that any file server can serve the page and any screen has a link.
import { useSyncExternalStore } from 'react';

export interface Route { path: string[]; query: URLSearchParams }

export function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  return { path: path.split('/').filter(Boolean).map(part => {
    try { return decodeURIComponent(part); } catch { return part; }
  }), query: new URLSearchParams(query) };
}

export function link(path: string[], query: Record<string, string> | URLSearchParams = {}): string {
  const asked = new URLSearchParams(query).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${asked ? `?${asked}` : ''}`;
}

const subscribe = (changed: () => void) => {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
};

export const useRoute = (): Route => parse(useSyncExternalStore(subscribe, () => window.location.hash));

/** Sets one key of the query; an empty value removes it. */
export function setQuery(key: string, value: string) {
  const { path, query } = parse(window.location.hash);
  if (value) query.set(key, value);
  else query.delete(key);
  window.location.hash = link(path, query);
}
