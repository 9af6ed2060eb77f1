import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { Compare } from './Compare';
import { useLive } from './live';
import { Projects } from './Projects';
import { link, useRoute } from './route';
import { RunPage } from './RunPage';
import { Runs } from './Runs';
import 'uplot/dist/uPlot.min.css';
import './style.css';

const client = new QueryClient({ defaultOptions: { queries: { retry: 1, staleTime: 5_000, refetchOnWindowFocus: false } } });

function Page() {
  const { path, query } = useRoute();
  const live = useLive();
  const [screen, name] = path;
  return (
    <>
      <a className="skip" href="#main" onClick={event => { event.preventDefault(); document.getElementById('main')?.focus(); }}>
        Skip to content
      </a>
      <header>
        <a className="brand" href={link([])}>Footpath</a>
        {screen === 'p' && name !== undefined && <nav aria-label="Breadcrumb"><a href={link(['p', name])}>{name}</a></nav>}
        <span className={live ? 'live on' : 'live'} role="status">{live ? 'Live' : 'Not connected'}</span>
      </header>
      <main id="main" tabIndex={-1}>
        {screen === 'p' && name !== undefined ? <Runs key={name} project={name} query={query} />
          : screen === 'run' && name !== undefined ? <RunPage key={name} id={name} query={query} />
          : screen === 'compare' ? <Compare ids={(query.get('runs') ?? '').split(',').filter(Boolean)} query={query} />
          : <Projects />}
      </main>
    </>
  );
}

const root = document.getElementById('root');
if (root) createRoot(root).render(<QueryClientProvider client={client}><Page /></QueryClientProvider>);
