//! What stands where an answer is awaited or was refused, and a run's state.
import type { Run } from '../data/model';

interface Asked {
  isPending: boolean;
  error: Error | null;
}

export function State({ of }: { of: Asked }) {
  if (of.error)
    return (
      <p className="error" role="alert">
        {of.error.message}
      </p>
    );
  return of.isPending ? (
    <p className="quiet" role="status">
      Loading…
    </p>
  ) : null;
}

export const stateName = (run: Pick<Run, 'state'>) => run.state.replaceAll('_', ' ');

export const StateMark = ({ run }: { run: Pick<Run, 'state' | 'reason'> }) => (
  <span className={`state ${run.state}`} title={run.reason ?? undefined}>
    {stateName(run)}
  </span>
);

/** Something that was looked for and is not there. */
export const Empty = ({ children }: { children: React.ReactNode }) => <p className="empty">{children}</p>;
