//! A JSON file as a tree that opens; a GeoJSON in one is drawn too.
import { useMemo } from 'react';
import { State } from '../../app/State';
import type { File } from '../../data/model';
import { isGeoJson } from './geometry';
import { GeoJson } from './GeoJson';
import { TextPreview } from './TextPreview';
import { useText } from './useText';

/** More members than these of one value are not listed. */
const MOST = 200;

function Value({ name, of, depth }: { name: string; of: unknown; depth: number }) {
  if (of === null || typeof of !== 'object')
    return (
      <span className="leaf">
        <span>{name}</span>
        <span className={`value ${typeof of}`}>{JSON.stringify(of)}</span>
      </span>
    );
  const entries = Object.entries(of);
  const brackets = Array.isArray(of) ? `[${entries.length}]` : `{${entries.length}}`;
  return (
    <details open={depth < 2 && entries.length <= 30}>
      <summary>
        {name} <span className="quiet">{brackets}</span>
      </summary>
      <ul>
        {entries.slice(0, MOST).map(([key, value]) => (
          <li key={key}>
            <Value name={key} of={value} depth={depth + 1} />
          </li>
        ))}
        {entries.length > MOST && <li className="quiet">{entries.length - MOST} more</li>}
      </ul>
    </details>
  );
}

export function JsonPreview({ run, file }: { run: string; file: File }) {
  const asked = useText(run, file);
  const read = useMemo(() => {
    if (!asked.data?.whole) return undefined;
    try {
      return { value: JSON.parse(asked.data.text) as unknown };
    } catch {
      return undefined;
    }
  }, [asked.data]);
  if (!asked.data) return <State of={asked} />;
  // What is no JSON, or too long to read whole, is text.
  if (!read) return <TextPreview run={run} file={file} />;
  return (
    <>
      {isGeoJson(read.value) && <GeoJson run={run} file={file} />}
      <div className="tree json">
        <Value name="" of={read.value} depth={0} />
      </div>
    </>
  );
}
