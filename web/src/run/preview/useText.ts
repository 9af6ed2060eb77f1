//! A file's text, or as much of it as a preview shows.
import { useQuery } from '@tanstack/react-query';
import type { File } from '../../data/model';
import { source } from '../../data/source';

/** A preview reads no more than this. */
export const PREVIEW_BYTES = 2_000_000;

export interface Read {
  text: string;
  whole: boolean;
}

/** The first bytes of a file, or its last. */
async function read(run: string, file: File, tail: boolean): Promise<Read> {
  const { size } = file.blob;
  const whole = size <= PREVIEW_BYTES;
  const range = tail ? `bytes=${Math.max(0, size - PREVIEW_BYTES)}-` : `bytes=0-${PREVIEW_BYTES - 1}`;
  const answer = await fetch(source.fileUrl(run, file), whole ? {} : { headers: { range } });
  if (!answer.ok) throw new Error(`${file.path} could not be read: the server answered ${answer.status}`);
  const bytes = await answer.arrayBuffer();
  // File servers without ranges send everything.
  const kept =
    bytes.byteLength <= PREVIEW_BYTES
      ? bytes
      : tail
        ? bytes.slice(-PREVIEW_BYTES)
        : bytes.slice(0, PREVIEW_BYTES);
  return { text: new TextDecoder().decode(kept), whole };
}

export const useText = (run: string, file: File, tail = false) =>
  useQuery({
    queryKey: ['run', run, 'text', file.path, file.blob.digest, tail],
    staleTime: Infinity,
    queryFn: () => read(run, file, tail),
  });
