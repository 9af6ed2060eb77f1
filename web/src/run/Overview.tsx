//! What a run is and what became of it.
import { lazy, Suspense } from 'react';
import { ago, aligned, bytes, duration, plural, time } from '../app/format';
import { link } from '../app/route';
import { lasted, tellingFirst } from '../board/columns';
import type { Run } from '../data/model';
import { NoteEditor } from './NoteEditor';
import { Tags } from './Tags';

const Markdown = lazy(() => import('./Markdown'));

export const NOTE = 'mlflow.note.content';

/** The first of some tags that a run has. */
const tagged = (run: Run, ...keys: string[]) => keys.map(key => run.tags[key]).find(text => text);

/** Processor, cores, memory and system, as far as they are known. */
function machine(run: Run): string {
  const of = (name: string) => run.tags[`footpath.env.${name}`];
  const memory = Number(of('memory_megabytes'));
  const cores = of('cpus');
  return [of('cpu'), cores && plural(Number(cores), 'core'), memory > 0 && bytes(memory * 1e6), of('os')]
    .filter(Boolean)
    .join(', ');
}

export function Overview({ run }: { run: Run }) {
  const commit = run.tags['mlflow.source.git.commit'];
  const facts: [string, React.ReactNode][] = [
    ['Started', <span title={ago(run.start_ms)}>{time(run.start_ms)}</span>],
    ['Duration', duration(lasted(run))],
    ['Disk', run.artifact_bytes > 0 && bytes(run.artifact_bytes)],
    ['User', run.user || tagged(run, 'mlflow.user')],
    ['Host', tagged(run, 'footpath.env.host', 'host', 'hostname')],
    ['Machine', machine(run)],
    ['Command', tagged(run, 'footpath.command_line', 'mlflow.source.name')],
    [
      'Commit',
      commit && (
        <a href={link(['run', run.id], { tab: 'source' })}>
          <code>{commit.slice(0, 10)}</code>
          {run.tags['mlflow.source.git.dirty'] === 'true' && ' with changes'}
        </a>
      ),
    ],
    [
      'Dropped by the client',
      run.dropped ? (
        <span className="warning">{plural(run.dropped, 'point or record', 'points and records')}</span>
      ) : null,
    ],
    ['Id', <code>{run.id}</code>],
  ];
  const metrics = tellingFirst(Object.keys(run.metrics).sort()).flatMap(key => {
    const series = run.metrics[key];
    return series ? [[key, series] as const] : [];
  });
  return (
    <div className="overview">
      <div>
        {run.reason && (
          <section aria-label="Why it ended so">
            <pre className={`reason ${run.state}`}>{run.reason}</pre>
          </section>
        )}
        <section>
          <h2>Results</h2>
          {metrics.length ? (
            <div className="scroll" tabIndex={0} role="region" aria-label="Metrics">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Metric</th>
                    <th scope="col" className="number">
                      Best
                    </th>
                    <th scope="col" className="number">
                      at step
                    </th>
                    <th scope="col" className="number">
                      Last
                    </th>
                    <th scope="col" className="number">
                      Points
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {metrics.slice(0, 100).map(([key, series]) => (
                    <tr key={key}>
                      <th scope="row">{key}</th>
                      <td className="number">
                        <b>{series.best ? aligned(series.best[2]) : '—'}</b>
                      </td>
                      <td className="number">{series.best?.[0].toLocaleString('en') ?? ''}</td>
                      <td className="number">{aligned(series.last[2])}</td>
                      <td className="number">
                        {series.count.toLocaleString('en')}
                        {series.nan_count > 0 && (
                          <span className="warning" title={`${series.nan_count} are not numbers`}>
                            {' '}
                            ⚠
                          </span>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {metrics.length > 100 && (
                <p className="quiet note">{plural(metrics.length - 100, 'more metric')} under Curves.</p>
              )}
            </div>
          ) : (
            <p className="quiet">No metrics were logged.</p>
          )}
        </section>
        <section>
          <NoteEditor run={run}>
            {run.tags[NOTE] && (
              <Suspense fallback={<p className="quiet">Loading…</p>}>
                <Markdown text={run.tags[NOTE]} />
              </Suspense>
            )}
          </NoteEditor>
        </section>
      </div>
      <aside>
        <h2>Run</h2>
        <dl>
          {facts
            .filter(([, told]) => told)
            .map(([name, told]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{told}</dd>
              </div>
            ))}
        </dl>
        <Tags run={run} />
      </aside>
    </div>
  );
}
