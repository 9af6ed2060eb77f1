//! Is it real? Two groups of runs that differ in more than their seed, and whether the difference is more than chance.
import { useMemo, useState } from 'react';
import { aligned, plural, signed } from '../app/format';
import { Empty } from '../app/State';
import { tellingFirst } from '../board/columns';
import { differing, type Group, groupName, groupRuns, isSeed, spreadOf } from '../board/groups';
import type { Run } from '../data/model';
import { type Outcome, type Test, testImages, testRuns, verdict } from '../stats/verdict';
import { riseIsBetter } from './CompareCurves';
import { atStep, stepsOf, useImageKeys, usePictures } from './useSamples';

const seedOf = (run: Run) => {
  const keys = Object.keys(run.params).filter(isSeed).sort();
  return keys.length ? keys.map(key => run.params[key]).join(' ') : undefined;
};

function outcomes(group: Group, metric: string): Outcome[] {
  return group.runs.flatMap(run => {
    const best = Number(run.metrics[metric]?.best?.[2] ?? NaN);
    return Number.isFinite(best) ? [{ value: best, seed: seedOf(run) }] : [];
  });
}

export function Verdict({ runs, query }: { runs: Run[]; query: URLSearchParams }) {
  const groups = useMemo(() => groupRuns(runs, null), [runs]);
  const metrics = useMemo(
    () => tellingFirst([...new Set(runs.flatMap(run => Object.keys(run.metrics)))].sort()),
    [runs],
  );
  const [chosen, setChosen] = useState('');
  const [sides, setSides] = useState<[number, number]>([0, 1]);
  const metric = metrics.includes(chosen) ? chosen : (metrics[0] ?? '');
  const ids = runs.map(run => run.id);
  const media = useImageKeys(ids);
  const asked = query.get('series');
  const { pictures } = usePictures(ids, media.keys.find(one => one === asked) ?? media.keys[0]);
  const keys = differing(groups);
  const name = (group: Group | undefined) => (group ? groupName(group, keys) : '');
  const [from, to] = [groups[sides[0]], groups[sides[1]]];
  const judged = useMemo(() => {
    if (!from || !to) return null;
    const last = stepsOf(pictures).at(-1);
    const scores = (group: Group) => {
      const found = new Map<string, number[]>();
      runs.forEach((run, at) => {
        if (!group.runs.includes(run) || last === undefined) return;
        for (const [sample, { score }] of atStep(pictures[at] ?? [], last))
          if (score !== undefined) found.set(sample, [...(found.get(sample) ?? []), score]);
      });
      return found;
    };
    return verdict(
      testRuns(outcomes(from, metric), outcomes(to, metric)),
      testImages(scores(from), scores(to)),
    );
  }, [from, to, metric, pictures, runs]);
  if (!metric) return <Empty>The runs have no metric.</Empty>;
  const rise = riseIsBetter(runs, metric);
  return (
    <>
      <div className="bar">
        <label>
          Metric{' '}
          <select value={metric} onChange={event => setChosen(event.target.value)}>
            {metrics.map(key => (
              <option key={key}>{key}</option>
            ))}
          </select>
        </label>
        {groups.length > 2 &&
          [0, 1].map(side => (
            <label key={side}>
              {side ? 'against' : 'Hold'}{' '}
              <select
                value={sides[side]}
                onChange={event =>
                  setSides(before =>
                    side ? [before[0], Number(event.target.value)] : [Number(event.target.value), before[1]],
                  )
                }
              >
                {groups.map((group, at) => (
                  <option key={group.id} value={at}>
                    {name(group)}
                  </option>
                ))}
              </select>
            </label>
          ))}
      </div>
      <div className="scroll" tabIndex={0} role="region" aria-label="Groups of seeds">
        <table>
          <thead>
            <tr>
              <th scope="col">Configuration</th>
              <th scope="col" className="number">
                n
              </th>
              <th scope="col" className="number">
                mean of best
              </th>
              <th scope="col" className="number">
                95 % interval
              </th>
              <th scope="col" className="number">
                least
              </th>
              <th scope="col" className="number">
                greatest
              </th>
            </tr>
          </thead>
          <tbody>
            {groups.map(group => {
              const spread = spreadOf(outcomes(group, metric).map(one => one.value));
              return (
                <tr key={group.id}>
                  <th scope="row">{name(group)}</th>
                  <td className="number">{group.runs.length}</td>
                  <td className="number">{spread ? aligned(spread.mean) : '—'}</td>
                  <td className="number">
                    {spread?.interval ? (
                      `${aligned(spread.interval.low)} … ${aligned(spread.interval.high)}`
                    ) : (
                      <span className="warning">n = 1 tells nothing of chance</span>
                    )}
                  </td>
                  <td className="number">{spread ? aligned(spread.low) : ''}</td>
                  <td className="number">{spread ? aligned(spread.high) : ''}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {!judged || !from || !to ? (
        <p className="lead">
          All runs share one configuration but for the seed: there is nothing to tell apart. The interval
          above is what chance does to it.
        </p>
      ) : (
        <Judgement from={name(from)} to={name(to)} metric={metric} rise={rise} {...judged} />
      )}
    </>
  );
}

const WORDS = {
  real: 'Real: more than the luck of seeds.',
  'not shown': 'Not shown: seeds alone may do this.',
  'too few': 'Cannot be told: one side has a single run.',
};

function Judgement({
  from,
  to,
  metric,
  rise,
  kind,
  runs,
  images,
}: {
  from: string;
  to: string;
  metric: string;
  rise: boolean | null;
  kind: keyof typeof WORDS;
  runs: Test | null;
  images: Test | null;
}) {
  const better = (test: Test, rises: boolean | null) => {
    const { difference, interval } = test;
    if (rises === null || difference === 0) return '';
    // What chance alone may have done is not called better.
    if (interval && interval.low <= 0 && interval.high >= 0) return ', not told from chance';
    return difference > 0 === rises ? ', better' : ', worse';
  };
  const evidence = (test: Test, of: string, suffix: string) => (
    <li>
      {of}: <b>{signed(test.difference)}</b>
      {test.interval && (
        <>
          {' '}
          (95 % interval {signed(test.interval.low)} to {signed(test.interval.high)})
        </>
      )}
      {Number.isFinite(test.p) && (
        <>, p {test.p < 0.0001 ? '< 0.0001' : `= ${Number(test.p.toPrecision(2))}`}</>
      )}
      {suffix}
      <small className="quiet">
        {' '}
        {test.method}, n = {test.n}
      </small>
    </li>
  );
  return (
    <section className={`verdict ${kind.replace(' ', '-')}`} aria-label="Verdict">
      <h2>{WORDS[kind]}</h2>
      <p>
        <b>{to}</b> against <b>{from}</b>
      </p>
      <ul>
        {runs && evidence(runs, `Best ${metric} over runs`, better(runs, rise))}
        {images && evidence(images, `Score over the same ${plural(images.n, 'image')}`, better(images, true))}
        {!images && (
          <li className="quiet">No scores by image were logged for both, so nothing is paired by image.</li>
        )}
      </ul>
      {kind === 'too few' && (
        <p className="warning">
          n = 1: whatever the images say, they tell two trained networks apart, not two configurations. Train
          each with three seeds or more.
        </p>
      )}
    </section>
  );
}
