//! The steps of a run's pipelines as graphs: what was found, what was computed and why, time and size.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { bytes, duration } from '../app/format';
import { groupBy } from '../app/group';
import { Empty, State } from '../app/State';
import type { Step } from '../data/model';
import { source } from '../data/source';
import { layout, type Node, type Place } from './layout';

const BOX = { width: 202, height: 62, gapX: 31, gapY: 18 };
const WORDS = { hit: 'kept', computed: 'computed', failed: 'failed' };

const x = (node: Place) => 8 + node.column * (BOX.width + BOX.gapX);
const y = (node: Place) => 8 + node.row * (BOX.height + BOX.gapY);
const middle = (place: Place) => y(place) + BOX.height / 2;

/** The line from what is read to its reader, through the lane between them. */
function edge(from: Node, to: Node): string {
  let at = [x(from) + BOX.width, middle(from)] as const;
  let path = `M${at[0]} ${at[1]}`;
  const curve = (x1: number, y1: number) => {
    const bend = Math.max(16, (x1 - at[0]) / 2);
    path += `C${at[0] + bend} ${at[1]} ${x1 - bend} ${y1} ${x1} ${y1}`;
  };
  for (const place of from.lane.filter(one => one.column < to.column)) {
    curve(x(place), middle(place));
    at = [x(place) + BOX.width, middle(place)];
    path += `H${at[0]}`;
  }
  curve(x(to), middle(to));
  return path;
}

const cut = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const cost = (step: Step) =>
  [duration(step.seconds * 1000), step.bytes === undefined ? '' : bytes(step.bytes)]
    .filter(Boolean)
    .join(' · ');

export function Lineage({ id }: { id: string }) {
  const asked = useQuery({ queryKey: ['run', id, 'steps'], queryFn: () => source.steps(id) });
  if (!asked.data) return <State of={asked} />;
  if (!asked.data.length) return <Empty>No pipeline steps were logged.</Empty>;
  const pipelines = groupBy(asked.data, step => step.pipeline);
  return (
    <>
      {[...pipelines].map(([name, steps]) => (
        <Pipeline key={name} name={name} steps={steps} />
      ))}
    </>
  );
}

function Pipeline({ name, steps }: { name: string; steps: Step[] }) {
  // A step that ran twice is shown as it ended last.
  const last = [...new Map(steps.map(step => [step.step, step])).values()];
  const [chosen, setChosen] = useState('');
  const nodes = layout(last);
  const by = new Map(nodes.map(node => [node.name, node]));
  const width = 16 + Math.max(...nodes.map(node => x(node) + BOX.width));
  const height =
    16 + Math.max(...nodes.flatMap(node => [node, ...node.lane]).map(place => y(place) + BOX.height));
  const step = last.find(one => one.step === chosen);
  const total = last.reduce((sum, one) => sum + one.seconds, 0);
  const hits = last.filter(one => one.outcome === 'hit').length;
  return (
    <section className="lineage">
      <h2>
        {name || 'Pipeline'}{' '}
        <span className="quiet">
          {last.length} steps, {hits} kept from before, {duration(total * 1000)}
        </span>
      </h2>
      <div className="graph" tabIndex={0} role="region" aria-label={`Steps of ${name}`}>
        <svg width={width} height={height} role="group" aria-label={`Steps of ${name} and what they read`}>
          {nodes.flatMap(node =>
            node.inputs.map(input => {
              const from = by.get(input);
              if (!from) return null;
              return <path key={`${input} ${node.name}`} d={edge(from, node)} className="edge" />;
            }),
          )}
          {nodes.map(node => {
            const own = node.step;
            const words = own
              ? `${own.step}: ${WORDS[own.outcome]}, ${cost(own)}${own.reason ? `, ${own.reason}` : ''}`
              : `${node.name}: input`;
            return (
              <g
                key={node.name}
                transform={`translate(${x(node)} ${y(node)})`}
                className={`node ${own?.outcome ?? 'input'}`}
                role={own ? 'button' : 'img'}
                tabIndex={own ? 0 : undefined}
                aria-label={words}
                aria-pressed={own ? chosen === node.name : undefined}
                onClick={() => own && setChosen(node.name)}
                onKeyDown={event => {
                  if (!own || (event.key !== 'Enter' && event.key !== ' ')) return;
                  event.preventDefault();
                  setChosen(node.name);
                }}
              >
                <title>{words}</title>
                <rect width={BOX.width} height={BOX.height} rx={7} />
                <rect width={4} height={BOX.height - 14} x={0} y={7} rx={2} className="stripe" />
                <text x={14} y={20} className="name">
                  {cut(node.name, 24)}
                </text>
                <text x={14} y={37}>
                  {own ? `${WORDS[own.outcome]} · ${cost(own)}` : 'input'}
                </text>
                {own?.reason && (
                  <text x={14} y={52} className="why">
                    {cut(own.reason, 31)}
                  </text>
                )}
              </g>
            );
          })}
        </svg>
      </div>
      {step && (
        <dl className="facts">
          <div>
            <dt>Step</dt>
            <dd>{step.step}</dd>
          </div>
          <div>
            <dt>Outcome</dt>
            <dd>
              {WORDS[step.outcome]}
              {step.reason && <>: {step.reason}</>}
            </dd>
          </div>
          <div>
            <dt>Key</dt>
            <dd>
              <code>{step.key}</code>
            </dd>
          </div>
          <div>
            <dt>Reads</dt>
            <dd>{step.inputs.join(', ') || 'nothing'}</dd>
          </div>
          <div>
            <dt>Time and size</dt>
            <dd>{cost(step)}</dd>
          </div>
        </dl>
      )}
      <details>
        <summary className="plain">As a table</summary>
        <div className="scroll" tabIndex={0} role="region" aria-label={`Table of the steps of ${name}`}>
          <table>
            <thead>
              <tr>
                {['Step', 'Outcome', 'Why', 'Time', 'Size', 'Key'].map(title => (
                  <th scope="col" key={title}>
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {last.map(one => (
                <tr key={one.step}>
                  <th scope="row">{one.step}</th>
                  <td>{WORDS[one.outcome]}</td>
                  <td className="wrap">{one.reason ?? ''}</td>
                  <td>{duration(one.seconds * 1000)}</td>
                  <td>{one.bytes === undefined ? '' : bytes(one.bytes)}</td>
                  <td>
                    <code>{one.key}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}
