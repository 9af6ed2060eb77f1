//! What every screen has: where one is, whether the page is live, light or dark.
import type { ReactNode } from 'react';
import { source } from '../data/source';
import { useLive } from './live';
import { setTheme, type Theme, useTheme } from './theme';
import { link } from './route';

export interface Crumb {
  name: string;
  to?: string;
}

const NEXT: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' };
const SIGN: Record<Theme, string> = { auto: '◐', light: '☀', dark: '☾' };

const Mark = () => (
  <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true">
    <path d="M2 2h7v5h5v7H7V9H2z" fill="none" stroke="currentColor" strokeWidth="2" strokeLinejoin="round" />
  </svg>
);

export function Shell({ crumbs, children }: { crumbs: Crumb[]; children: ReactNode }) {
  const live = useLive();
  const theme = useTheme();
  const connection = source.live ? (live ? 'Live' : 'Not connected') : 'Published copy';
  return (
    <>
      <a
        className="skip"
        href="#main"
        onClick={event => {
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        Skip to content
      </a>
      <header>
        <a className="brand" href={link([])}>
          <Mark />
          Footpath
        </a>
        {crumbs.length > 0 && (
          <nav aria-label="Breadcrumb" className="crumbs">
            {crumbs.map(({ name, to }, at) => (
              <span key={at}>{to ? <a href={to}>{name}</a> : <b aria-current="page">{name}</b>}</span>
            ))}
          </nav>
        )}
        <span className={live ? 'live on' : 'live'} role="status">
          {connection}
        </span>
        <button
          className="plain"
          aria-label={`Colours: ${theme}`}
          title={`Colours: ${theme}`}
          onClick={() => setTheme(NEXT[theme])}
        >
          {SIGN[theme]}
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}
