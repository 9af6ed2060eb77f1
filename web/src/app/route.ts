//! Which screen is shown: `#/path?query`, so that any file server can serve the page and any screen has a link.
import { useSyncExternalStore } from 'react';

export interface Route {
  path: string[];
  query: URLSearchParams;
}

export function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const decoded = path
    .split('/')
    .filter(Boolean)
    .map(part => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
  return { path: decoded, query: new URLSearchParams(query) };
}

export function link(path: string[], query: Record<string, string> | URLSearchParams = {}): string {
  const asked = new URLSearchParams(query).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${asked ? `?${asked}` : ''}`;
}

const subscribe = (changed: () => void) => {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
};

const hash = () => window.location.hash;
let last: [string, Route] | undefined;

/** The same object as long as the address is the same. */
export function useRoute(): Route {
  const now = useSyncExternalStore(subscribe, hash);
  if (last?.[0] !== now) last = [now, parse(now)];
  return last[1];
}

/**
 * Sets keys of the query; an empty value removes one. `quietly` leaves no entry in the history.
 *
 * The page shows the change before this returns: after an assignment to `location.hash` the browser tells of it in a
 * task of its own, and until then React puts a box that was just ticked back to what the old address says.
 */
export function setQuery(changes: Record<string, string>, quietly = false) {
  const { path, query } = parse(hash());
  for (const [key, value] of Object.entries(changes)) {
    if (value) query.set(key, value);
    else query.delete(key);
  }
  const address = link(path, query);
  if (address === hash()) return;
  if (quietly) window.history.replaceState(null, '', address);
  else window.history.pushState(null, '', address);
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}
