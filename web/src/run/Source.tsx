//! The code a run was made by: its commit, and what was changed since.
import { useQuery } from '@tanstack/react-query';
import { Empty, State } from '../app/State';
import type { Entry, File, Run } from '../data/model';
import { source } from '../data/source';
import { Diff } from './preview/Diff';

const TAGS: [string, string][] = [
  ['Commit', 'mlflow.source.git.commit'],
  ['Branch', 'mlflow.source.git.branch'],
  ['Repository', 'mlflow.source.git.repoURL'],
  ['Program', 'mlflow.source.name'],
  ['Command', 'footpath.command_line'],
];

export default function Source({ run }: { run: Run }) {
  const files = useQuery({
    queryKey: ['run', run.id, 'files', 'source'],
    queryFn: () => source.entries(run.id, 'source'),
  });
  const found = (files.data ?? []).flatMap((entry: Entry): File[] => ('file' in entry ? [entry.file] : []));
  const diff = found.find(file => file.path.endsWith('.diff'));
  const told = TAGS.filter(([, key]) => run.tags[key]);
  if (!told.length && !found.length && !files.isPending) return <Empty>The source was not logged.</Empty>;
  return (
    <>
      <dl className="facts">
        {told.map(([name, key]) => (
          <div key={key}>
            <dt>{name}</dt>
            <dd>
              <code>{run.tags[key]}</code>
            </dd>
          </div>
        ))}
        <div>
          <dt>Uncommitted changes</dt>
          <dd>
            {diff
              ? 'yes, below'
              : run.tags['mlflow.source.git.dirty'] === 'true'
                ? 'yes, not kept'
                : run.tags['mlflow.source.git.commit']
                  ? 'none'
                  : 'unknown: the program was not started in a git repository'}
          </dd>
        </div>
      </dl>
      <State of={files} />
      {diff && <Diff run={run.id} file={diff} />}
    </>
  );
}
