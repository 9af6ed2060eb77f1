//! A file as text, whatever it says it is.
import { State } from '../../app/State';
import { bytes } from '../../app/format';
import type { File } from '../../data/model';
import { PREVIEW_BYTES, useText } from './useText';

export function TextPreview({ run, file, tail = false }: { run: string; file: File; tail?: boolean }) {
  const asked = useText(run, file, tail);
  return (
    <>
      <State of={asked} />
      {asked.data && !asked.data.whole && (
        <p className="quiet">
          {tail ? 'The last' : 'The first'} {bytes(PREVIEW_BYTES)} of {bytes(file.blob.size)}.
        </p>
      )}
      {asked.data && (
        <pre className="console" tabIndex={0} aria-label={file.path}>
          {asked.data.text}
        </pre>
      )}
    </>
  );
}
