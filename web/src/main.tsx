import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { link, useRoute } from './app/route';
import { type Crumb, Shell } from './app/Shell';
import { Board } from './board/Board';
import { Projects } from './board/Projects';
import { Compare } from './compare/Compare';
import { source } from './data/source';
import { RunPage } from './run/RunPage';
import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/board.css';
import './style/charts.css';
import './style/run.css';
import './style/pictures.css';

const client = new QueryClient({
  defaultOptions: {
    queries: { retry: 1, staleTime: 30_000, refetchOnWindowFocus: false, networkMode: 'always' },
  },
});

/** The project that a run is of, once both are known. */
function useProjectOf(run: string | undefined): string | undefined {
  const found = useQuery({
    queryKey: ['run', run],
    queryFn: () => source.run(run ?? ''),
    enabled: run !== undefined,
  });
  const experiment = found.data?.experiment;
  const all = useQuery({
    queryKey: ['project-of', experiment],
    enabled: experiment !== undefined,
    staleTime: Infinity,
    queryFn: async () => {
      for (const project of await source.projects())
        if ((await source.experiments(project.name)).some(one => one.id === experiment)) return project.name;
      return null;
    },
  });
  return all.data ?? undefined;
}

function Page() {
  const { path, query } = useRoute();
  const [screen, name] = path;
  const ids = screen === 'compare' ? (query.get('runs') ?? '').split(',').filter(Boolean) : [];
  const first = screen === 'run' ? name : ids[0];
  const run = useQuery({
    queryKey: ['run', first],
    queryFn: () => source.run(first ?? ''),
    enabled: first !== undefined,
  });
  const project = useProjectOf(first);
  const crumbs: Crumb[] = [];
  if (screen === 'p' && name !== undefined) crumbs.push({ name });
  if (project) crumbs.push({ name: project, to: link(['p', project]) });
  if (screen === 'run' && run.data) crumbs.push({ name: run.data.name });
  if (screen === 'compare') crumbs.push({ name: 'Compare' });
  return (
    <Shell crumbs={crumbs}>
      {screen === 'p' && name !== undefined ? (
        <Board key={name} project={name} query={query} />
      ) : screen === 'run' && name !== undefined ? (
        <RunPage key={name} id={name} query={query} />
      ) : screen === 'compare' ? (
        <Compare ids={ids} query={query} />
      ) : (
        <Projects />
      )}
    </Shell>
  );
}

const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <QueryClientProvider client={client}>
      <Page />
    </QueryClientProvider>,
  );
