//! All projects: how much is in them, and when something last happened.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ago, bytes, plural, time } from '../app/format';
import { link } from '../app/route';
import { Empty, State } from '../app/State';
import type { Project } from '../data/model';
import { source } from '../data/source';

export function Projects() {
  const [search, setSearch] = useState('');
  const asked = useQuery({ queryKey: ['projects'], queryFn: () => source.projects() });
  const wanted = search.toLowerCase();
  const found = (asked.data ?? [])
    .filter(project => project.name.toLowerCase().includes(wanted))
    // The project that every store has is of no interest until it has runs.
    .filter(project => project.runs > 0 || project.name !== 'default' || asked.data?.length === 1)
    .sort((a, b) => (b.active_ms ?? 0) - (a.active_ms ?? 0));
  return (
    <section className="page narrow">
      <div className="bar">
        <h1>Projects</h1>
        <input
          type="search"
          aria-label="Search projects"
          placeholder="Search projects"
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
      </div>
      <State of={asked} />
      {asked.data && !found.length && (
        <Empty>{search ? 'No project matches.' : 'No runs yet. Log one, and it appears here.'}</Empty>
      )}
      <ul className="cards">
        {found.map(project => (
          <li key={project.name} className="card">
            <a href={link(['p', project.name])}>
              <strong>{project.name}</strong>
              <span className="when" title={project.active_ms ? time(project.active_ms) : undefined}>
                {project.active_ms ? ago(project.active_ms) : 'no activity'}
              </span>
              <span className="facts">
                <span>{plural(project.runs, 'run')}</span>
                <span>{bytes(project.artifact_bytes)} of files</span>
              </span>
            </a>
            <Experiments project={project} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A project's experiments, asked for when they are looked at. */
function Experiments({ project }: { project: Project }) {
  const [open, setOpen] = useState(false);
  const asked = useQuery({
    queryKey: ['experiments', project.name],
    queryFn: () => source.experiments(project.name),
    enabled: open,
  });
  return (
    <details onToggle={event => setOpen(event.currentTarget.open)}>
      <summary className="plain">{plural(project.experiments, 'experiment')}</summary>
      {open && <State of={asked} />}
      <ul>
        {asked.data?.map(experiment => (
          <li key={experiment.id}>
            <a href={link(['p', project.name], { experiment: String(experiment.id) })}>{experiment.name}</a>
            <span className="quiet" title={time(experiment.updated_ms)}>
              {ago(experiment.updated_ms)}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}
