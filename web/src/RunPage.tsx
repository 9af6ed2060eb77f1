//! One run: its state and why, notes, curves, pictures, pipeline steps, parameters, files.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { blobUrl, type Entry, fileUrl, get, type MediaSeries, type Picture, type Run } from './api';
import { bytes, duration, time } from './format';
import { Plot } from './Plot';
import { setQuery } from './route';
import { State } from './State';

const TABS = ['overview', 'curves', 'pictures', 'pipeline', 'files'];

export function RunPage({ id, query }: { id: string; query: URLSearchParams }) {
  const at = `runs/${encodeURIComponent(id)}`;
  const asked = useQuery({ queryKey: ['run', id], queryFn: () => get<Run>(at) });
  const tab = query.get('tab') ?? 'overview';
  const run = asked.data;
  return (
    <section>
      <State of={asked} />
      {run && <>
        <h1>{run.name} <i className={`state ${run.state}`}>{run.state.replaceAll('_', ' ')}</i></h1>
        {run.reason && <pre className="reason">{run.reason}</pre>}
        <nav className="tabs" aria-label="Parts of the run">
          {TABS.map(name => <button key={name} aria-current={tab === name ? 'page' : undefined} onClick={() => setQuery('tab', name)}>{name}</button>)}
        </nav>
        {tab === 'overview' && <Overview run={run} />}
        {tab === 'curves' && <Curves run={run} />}
        {tab === 'pictures' && <Pictures at={at} id={id} />}
        {tab === 'pipeline' && <Pipeline at={at} id={id} />}
        {tab === 'files' && <Files at={at} id={id} />}
      </>}
    </section>
  );
}

const Pairs = ({ title, of }: { title: string; of: [string, string][] }) => (
  <><h2>{title}</h2>{of.length ? <dl>{of.map(([key, text]) => <div key={key}><dt>{key}</dt><dd>{text}</dd></div>)}</dl> : <p className="quiet">None.</p>}</>
);

function Overview({ run }: { run: Run }) {
  const note = run.tags['mlflow.note.content'];
  return <>
    <Pairs title="Run" of={[['Id', run.id], ['User', run.user], ['Started', time(run.start_ms)], ['Duration', duration((run.end_ms ?? run.active_ms) - run.start_ms)],
      ...(run.dropped ? [['Dropped by the client', `${run.dropped} points and records`] as [string, string]] : [])]} />
    {note && <><h2>Notes</h2><pre className="note">{note}</pre></>}
    <Pairs title="Parameters" of={Object.entries(run.params)} />
    <Pairs title="Tags" of={Object.entries(run.tags).filter(([key]) => key !== 'mlflow.note.content')} />
  </>;
}

function Curves({ run }: { run: Run }) {
  const [search, setSearch] = useState('');
  const [most, setMost] = useState(12);
  const found = Object.keys(run.metrics).filter(key => key.toLowerCase().includes(search.toLowerCase()));
  return <>
    <div className="bar"><input type="search" aria-label="Search metrics" placeholder={`Search ${Object.keys(run.metrics).length} metrics`} value={search} onChange={event => { setSearch(event.target.value); setMost(12); }} /></div>
    <div className="plots">{found.slice(0, most).map(key => <Plot key={key} metric={key} runs={[run]} />)}</div>
    {found.length > most && <button onClick={() => setMost(most + 12)}>Show more of {found.length}</button>}
    {!found.length && <p className="quiet">No metric matches.</p>}
  </>;
}

function Pictures({ at, id }: { at: string; id: string }) {
  const media = useQuery({ queryKey: ['media', id], queryFn: () => get<{ series: MediaSeries[] }>(`${at}/media`) });
  const series = media.data?.series.filter(one => one.kind === 'image') ?? [];
  return <><State of={media} />{media.data && !series.length && <p className="quiet">No pictures were logged.</p>}{series.map(one => <PictureSeries key={one.key} at={at} id={id} series={one} />)}</>;
}

function PictureSeries({ at, id, series }: { at: string; id: string; series: MediaSeries }) {
  const [number, setNumber] = useState(0);
  const asked = useQuery({ queryKey: ['images', id, series.key], queryFn: () => get<{ images: Picture[] }>(`${at}/images?limit=1000&key=${encodeURIComponent(series.key)}`) });
  const images = asked.data?.images ?? [];
  const steps = [...new Set(images.map(image => image.step))].sort((a, b) => a - b);
  const step = steps[Math.min(number, steps.length - 1)];
  return <>
    <h2>{series.key}</h2>
    <State of={asked} />
    {steps.length > 1 && <label className="slider">Step {step} <input type="range" min={0} max={steps.length - 1} value={number} onChange={event => setNumber(Number(event.target.value))} /></label>}
    {images.filter(image => image.step === step).map((image, at) => (
      <div className="picture" key={at}>
        {image.layers.map(layer => <figure key={layer.role}><img src={blobUrl(layer.digest)} alt={`${layer.role} of ${image.sample || image.caption || series.key}`} width={layer.width_px} height={layer.height_px} loading="lazy" /><figcaption>{layer.role}</figcaption></figure>)}
        <p>{image.sample} {image.score !== undefined && <>score {image.score}</>} {image.caption}</p>
      </div>
    ))}
  </>;
}

interface Step { step: string; key: string; outcome: string; reason?: string; seconds: number; bytes?: number }

function Pipeline({ at, id }: { at: string; id: string }) {
  const asked = useQuery({ queryKey: ['steps', id], queryFn: () => get<{ steps: Step[] }>(`${at}/steps`) });
  return <><State of={asked} />{asked.data && (asked.data.steps.length ? (
    <div className="scroll" tabIndex={0} role="region" aria-label="Steps"><table>
      <thead><tr>{['Step', 'Outcome', 'Why', 'Time', 'Size', 'Key'].map(name => <th scope="col" key={name}>{name}</th>)}</tr></thead>
      <tbody>{asked.data.steps.map((step, at) => <tr key={at}><th scope="row">{step.step}</th><td>{step.outcome}</td><td>{step.reason ?? ''}</td><td>{duration(step.seconds * 1000)}</td><td>{step.bytes === undefined ? '' : bytes(step.bytes)}</td><td><code>{step.key}</code></td></tr>)}</tbody>
    </table></div>) : <p className="quiet">No pipeline steps were logged.</p>)}</>;
}

function Files({ at, id }: { at: string; id: string }) {
  const [folder, setFolder] = useState('');
  const asked = useQuery({ queryKey: ['files', id, folder], queryFn: () => get<{ entries: Entry[] }>(`${at}/artifacts?path=${encodeURIComponent(folder)}`) });
  return <>
    {folder && <button onClick={() => setFolder(folder.split('/').slice(0, -1).join('/'))}>Up from {folder}</button>}
    <State of={asked} />
    {asked.data && !asked.data.entries.length && <p className="quiet">No files.</p>}
    <ul className="files">{asked.data?.entries.map(entry => 'folder' in entry
      ? <li key={entry.folder}><button onClick={() => setFolder(entry.folder)}>{entry.folder}/</button></li>
      : <li key={entry.file.path}><a href={fileUrl(id, entry.file.path)} download>{entry.file.path}</a> <span className="quiet">{bytes(entry.file.blob.size)}</span></li>)}</ul>
  </>;
}
