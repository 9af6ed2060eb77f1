//! Pictures of one or several runs at one step: the samples to choose from, and the chosen one large.
import { useEffect, useMemo, useRef } from 'react';
import { aligned, plural } from '../app/format';
import { setQuery } from '../app/route';
import { Empty, State } from '../app/State';
import type { Shown } from '../charts/model';
import type { Picture } from '../data/model';
import { source } from '../data/source';
import { type Pane, Panes } from './Panes';
import { atStep, stepsOf, useImageKeys, usePictures } from './useSamples';

/** More samples than these are not offered at once. */
const MOST = 400;

const layer = (picture: Picture | undefined, role: string) => picture?.layers.find(one => one.role === role);
const told = (picture: Picture) =>
  [picture.score === undefined ? '' : `score ${aligned(picture.score)}`, picture.caption]
    .filter(Boolean)
    .join(' · ');

/** Input and truth once, whatever else each run has. */
function panesOf(runs: Shown[], pictures: (Picture | undefined)[]): Pane[] {
  const some = pictures.find(picture => layer(picture, 'input')) ?? pictures.find(Boolean);
  const input = layer(some, 'input');
  const truth = layer(
    pictures.find(picture => layer(picture, 'truth')),
    'truth',
  );
  const shared: Pane[] = [];
  if (input) shared.push({ title: 'input', base: input });
  if (truth) shared.push({ title: 'truth', base: input, top: truth });
  const own = runs.flatMap((run, at): Pane[] => {
    const picture = pictures[at];
    const several = runs.length > 1;
    const named = several ? { colour: run.colour } : {};
    const rest = picture?.layers.filter(one => one.role !== 'input' && one.role !== 'truth') ?? [];
    if (!rest.length && !(several && !picture)) return [];
    if (!picture) return [{ title: run.name, ...named }];
    return rest.map(one => ({
      title: several ? `${run.name} · ${one.role}` : one.role,
      ...named,
      base: layer(picture, 'input') ?? input,
      top: one,
      note: told(picture),
    }));
  });
  return [...shared, ...own];
}

export function Pictures({ runs, query }: { runs: Shown[]; query: URLSearchParams }) {
  const ids = runs.map(run => run.id);
  const { keys, pending, error } = useImageKeys(ids);
  const asked = query.get('series');
  const key = keys.find(one => one === asked) ?? keys[0];
  const found = usePictures(ids, key);
  const steps = useMemo(() => stepsOf(found.pictures), [found.pictures]);
  const wanted = query.get('step');
  const number =
    wanted === null
      ? steps.length - 1
      : Math.max(
          0,
          steps.findLastIndex(step => step <= Number(wanted)),
        );
  const step = steps[number];
  const shown = useMemo(
    () =>
      found.pictures.map(pictures =>
        step === undefined ? new Map<string, Picture>() : atStep(pictures, step),
      ),
    [found.pictures, step],
  );
  const samples = useMemo(() => {
    const names = [...new Set(shown.flatMap(one => [...one.keys()]))];
    const score = (name: string) => Math.min(...shown.flatMap(one => one.get(name)?.score ?? []), Infinity);
    return names
      .map(name => ({ name, score: score(name) }))
      .sort((a, b) => a.score - b.score || a.name.localeCompare(b.name, 'en', { numeric: true }));
  }, [shown]);
  const place = Math.max(
    0,
    samples.findIndex(one => one.name === query.get('sample')),
  );
  const sample = samples[place]?.name;
  const strip = useRef<HTMLUListElement>(null);
  useEffect(() => {
    strip.current
      ?.querySelector('[aria-pressed="true"]')
      ?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [sample]);
  const go = (by: number) =>
    setQuery({ sample: samples[(place + by + samples.length) % samples.length]?.name ?? '' }, true);
  if (error ?? found.error) return <State of={{ isPending: false, error: error ?? found.error }} />;
  if (pending || found.pending) return <State of={{ isPending: true, error: null }} />;
  if (!key) return <Empty>No pictures were logged.</Empty>;
  return (
    <>
      <div className="bar">
        {keys.length > 1 && (
          <select
            aria-label="Series"
            value={key}
            onChange={event => setQuery({ series: event.target.value, step: '', sample: '' })}
          >
            {keys.map(one => (
              <option key={one}>{one}</option>
            ))}
          </select>
        )}
        <label className="slider">
          Step {step?.toLocaleString('en')}{' '}
          <input
            type="range"
            min={0}
            max={steps.length - 1}
            value={number}
            disabled={steps.length < 2}
            onChange={event => setQuery({ step: String(steps[Number(event.target.value)] ?? '') }, true)}
          />
        </label>
        <button aria-label="Previous image" onClick={() => go(-1)}>
          ‹
        </button>
        <b className="sample">{sample}</b>
        <button aria-label="Next image" onClick={() => go(1)}>
          ›
        </button>
        <span className="quiet">
          {plural(samples.length, 'image')}
          {samples.some(one => Number.isFinite(one.score)) && ', worst first'}
        </span>
      </div>
      {sample !== undefined && (
        <Panes
          panes={panesOf(
            runs,
            shown.map(one => one.get(sample)),
          )}
          label={sample}
        />
      )}
      <ul className="strip" ref={strip} aria-label="Images">
        {samples.slice(0, MOST).map(({ name, score }) => {
          const picture = shown.map(one => one.get(name)).find(Boolean);
          const small = layer(picture, 'input') ?? picture?.layers[0];
          return (
            <li key={name}>
              <button
                aria-pressed={name === sample}
                onClick={() => setQuery({ sample: name }, true)}
                title={name}
              >
                {small && (
                  <img
                    src={source.pictureUrl(small.digest, small.media_type)}
                    alt=""
                    loading="lazy"
                    width={small.width_px}
                    height={small.height_px}
                  />
                )}
                <span>
                  <bdi>{name}</bdi>
                </span>
                {Number.isFinite(score) && <small>{aligned(score)}</small>}
              </button>
            </li>
          );
        })}
      </ul>
      {samples.length > MOST && (
        <p className="quiet">{samples.length - MOST} more: the table per image has them all.</p>
      )}
    </>
  );
}
