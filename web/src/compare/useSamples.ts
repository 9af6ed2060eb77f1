//! The pictures of several runs, by series, step and sample.
import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Picture } from '../data/model';
import { source } from '../data/source';

/** The image series that any of the runs has, by name, and whether that is known yet. */
export function useImageKeys(ids: string[]): { keys: string[]; pending: boolean; error: Error | null } {
  const asked = useQueries({
    queries: ids.map(id => ({ queryKey: ['run', id, 'media'], queryFn: () => source.media(id) })),
  });
  const keys = [
    ...new Set(
      asked
        .flatMap(one => one.data ?? [])
        .filter(one => one.kind === 'image')
        .map(one => one.key),
    ),
  ].sort();
  return {
    keys,
    pending: asked.some(one => one.isPending),
    error: asked.find(one => one.error)?.error ?? null,
  };
}

/** All pictures of a series, by run; empty lists for those that have none, or are not here yet. */
export function usePictures(
  ids: string[],
  key: string | undefined,
): { pictures: Picture[][]; pending: boolean; error: Error | null } {
  const asked = useQueries({
    queries: ids.map(id => ({
      queryKey: ['run', id, 'images', key],
      enabled: key !== undefined,
      queryFn: () => source.images(id, key ?? ''),
    })),
  });
  const stamp = asked.map(one => one.dataUpdatedAt).join();
  const pictures = useMemo(() => asked.map(one => one.data ?? []), [stamp, ids.join(), key]);
  return {
    pictures,
    pending: key !== undefined && asked.some(one => one.isPending),
    error: asked.find(one => one.error)?.error ?? null,
  };
}

export const stepsOf = (pictures: Picture[][]): number[] =>
  [...new Set(pictures.flat().map(picture => picture.step))].sort((a, b) => a - b);

/** What a picture is of; those of no sample are told apart by their place. */
export const sampleOf = (picture: Picture, at: number): string =>
  picture.sample || picture.caption || `picture ${at + 1}`;

/** By sample, a run's picture at a step, or at its last step before: runs need not log at the same steps. */
export function atStep(pictures: Picture[], step: number): Map<string, Picture> {
  const own = pictures.filter(picture => picture.step <= step);
  const last = Math.max(...own.map(picture => picture.step));
  return new Map(
    own.filter(picture => picture.step === last).map((picture, at) => [sampleOf(picture, at), picture]),
  );
}
