//! A run's files by folder, with a preview of the chosen one.
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { bytes, time } from '../app/format';
import { setQuery } from '../app/route';
import { Empty, State } from '../app/State';
import type { File } from '../data/model';
import { source } from '../data/source';

const Preview = lazy(() => import('./preview/Preview'));

export function Files({ id, query }: { id: string; query: URLSearchParams }) {
  const folder = query.get('folder') ?? '';
  const asked = useQuery({
    queryKey: ['run', id, 'files', folder],
    queryFn: () => source.entries(id, folder),
  });
  const files = (asked.data ?? []).flatMap((entry): File[] => ('file' in entry ? [entry.file] : []));
  const folders = (asked.data ?? []).flatMap(entry => ('folder' in entry ? [entry.folder] : []));
  const file = files.find(one => one.path === query.get('file'));
  const parts = folder ? folder.split('/') : [];
  const name = (path: string) => path.slice(path.lastIndexOf('/') + 1);
  const enter = (path: string) => setQuery({ folder: path, file: '' });
  return (
    <div className="files">
      <div>
        <nav aria-label="Folder" className="crumbs path">
          <span>
            <button className="plain" onClick={() => enter('')}>
              files
            </button>
          </span>
          {parts.map((part, at) => (
            <span key={at}>
              <button className="plain" onClick={() => enter(parts.slice(0, at + 1).join('/'))}>
                {part}
              </button>
            </span>
          ))}
        </nav>
        <State of={asked} />
        {asked.data && !asked.data.length && <Empty>No files.</Empty>}
        <ul className="entries">
          {folders.map(path => (
            <li key={path}>
              <button onClick={() => enter(path)}>
                <span aria-hidden="true">▸</span> {name(path)}/
              </button>
            </li>
          ))}
          {files.map(one => (
            <li key={one.path}>
              <button aria-pressed={one === file} onClick={() => setQuery({ file: one.path })}>
                <span>{name(one.path)}</span> <small className="quiet">{bytes(one.blob.size)}</small>
              </button>
            </li>
          ))}
        </ul>
      </div>
      <div className="preview">
        {file ? (
          <>
            <div className="bar">
              <h2>{name(file.path)}</h2>
              <span className="quiet">
                {bytes(file.blob.size)} · {time(file.time_ms)}
              </span>
              <span className="spring" />
              <a className="button" href={source.fileUrl(id, file)} download={name(file.path)}>
                Download
              </a>
            </div>
            <Suspense fallback={<p className="quiet">Loading…</p>}>
              <Preview run={id} file={file} />
            </Suspense>
          </>
        ) : (
          files.length > 0 && <p className="quiet">Choose a file to look at it.</p>
        )}
      </div>
    </div>
  );
}
