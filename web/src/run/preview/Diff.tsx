//! A diff by its lines: added, removed, places.
import { State } from '../../app/State';
import type { File } from '../../data/model';
import { useText } from './useText';

const MOST = 5000;

const kind = (line: string): string =>
  /^(diff |index |\+\+\+ |--- |new file|deleted file|similarity|rename)/.test(line)
    ? 'file'
    : line.startsWith('@@')
      ? 'place'
      : line.startsWith('+')
        ? 'added'
        : line.startsWith('-')
          ? 'removed'
          : '';

export function Diff({ run, file }: { run: string; file: File }) {
  const asked = useText(run, file);
  const lines = asked.data?.text.split('\n') ?? [];
  return (
    <>
      <State of={asked} />
      <pre className="console diff" tabIndex={0} aria-label="What was changed since the commit">
        {lines.slice(0, MOST).map((line, at) => (
          <span key={at} className={kind(line)}>
            {line}
            {'\n'}
          </span>
        ))}
      </pre>
      {lines.length > MOST && <p className="quiet">{lines.length - MOST} more lines: download the file.</p>}
    </>
  );
}
