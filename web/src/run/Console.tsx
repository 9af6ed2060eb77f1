//! What a run printed, and other texts it logged by step.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Empty, State } from '../app/State';
import { time } from '../app/format';
import type { Entry } from '../data/model';
import { source } from '../data/source';
import { TextPreview } from './preview/TextPreview';

/** More texts than these are shown from the last on. */
const MOST = 2000;

/** Files that programs write their output to. */
const OUTPUT = /(^|\/)(console|output|stdout|stderr|log)s?(\.\w+)*$/i;

export function Console({ id }: { id: string }) {
  const [chosen, setChosen] = useState('');
  const media = useQuery({ queryKey: ['run', id, 'media'], queryFn: () => source.media(id) });
  const files = useQuery({ queryKey: ['run', id, 'files', ''], queryFn: () => source.entries(id, '') });
  const keys = (media.data ?? [])
    .filter(one => one.kind === 'text')
    .map(one => one.key)
    .sort((a, b) => Number(OUTPUT.test(b)) - Number(OUTPUT.test(a)) || (a < b ? -1 : 1));
  const key = keys.includes(chosen) ? chosen : keys[0];
  const texts = useQuery({
    queryKey: ['run', id, 'texts', key],
    enabled: key !== undefined,
    queryFn: () => source.texts(id, key ?? ''),
  });
  const output = (files.data ?? []).flatMap((entry: Entry) =>
    'file' in entry && OUTPUT.test(entry.file.path) ? [entry.file] : [],
  );
  if (media.isPending || media.error) return <State of={media} />;
  if (!key && !output.length) return <Empty>Nothing was printed into the run.</Empty>;
  const shown = (texts.data ?? []).slice(-MOST);
  const isConsole = key !== undefined && OUTPUT.test(key);
  return (
    <>
      {keys.length > 1 && (
        <div className="bar">
          <select aria-label="Text series" value={key} onChange={event => setChosen(event.target.value)}>
            {keys.map(one => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </div>
      )}
      {key && <State of={texts} />}
      {shown.length > 0 &&
        (isConsole ? (
          <pre className="console" tabIndex={0} aria-label={key}>
            {shown.map(text => text.text.replace(/\n?$/, '\n')).join('')}
          </pre>
        ) : (
          <ol className="texts">
            {shown.map((text, at) => (
              <li key={at}>
                <small className="quiet">
                  step {text.step.toLocaleString('en')} · {time(text.time_ms)}
                </small>
                <pre>{text.text}</pre>
              </li>
            ))}
          </ol>
        ))}
      {output.map(file => (
        <section key={file.path}>
          <h2>{file.path}</h2>
          <TextPreview run={id} file={file} tail />
        </section>
      ))}
    </>
  );
}
