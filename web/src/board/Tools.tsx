//! How the leaderboard is shown: which experiment, as what, in which groups and columns.
import { setQuery } from '../app/route';
import { source } from '../data/source';
import { ColumnPicker } from './ColumnPicker';
import { Grouping } from './Grouping';
import type { useBoard } from './useBoard';
import { Views } from './Views';

export function Tools({
  project,
  query,
  board,
  download,
  tell,
}: {
  project: string;
  query: URLSearchParams;
  board: ReturnType<typeof useBoard>;
  download(): void;
  tell(text: string): void;
}) {
  const archived = query.get('archived') === '1';
  const experiments = board.experiments.data ?? [];
  const shape = (charts: boolean, title: string) => (
    <button aria-pressed={board.charts === charts} onClick={() => setQuery({ show: charts ? 'charts' : '' })}>
      {title}
    </button>
  );
  return (
    <>
      {experiments.length > 1 && (
        <select
          aria-label="Experiment"
          value={board.experiment ?? ''}
          onChange={event => setQuery({ experiment: event.target.value })}
        >
          <option value="">All experiments</option>
          {experiments.map(one => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      )}
      <div className="segments" role="group" aria-label="Show as">
        {shape(false, 'Table')}
        {shape(true, 'Charts')}
      </div>
      <Grouping params={board.known.params} group={board.group} />
      <ColumnPicker
        columns={board.known}
        ids={board.ids}
        choose={chosen => setQuery({ columns: chosen.join('\n') })}
      />
      <Views project={project} query={query} tell={tell} />
      {source.live && (
        <button aria-pressed={archived} onClick={() => setQuery({ archived: archived ? '' : '1' })}>
          Archive
        </button>
      )}
      <button onClick={download}>CSV</button>
    </>
  );
}
