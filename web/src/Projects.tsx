import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, type Project } from './api';
import { link } from './route';
import { State } from './State';

export function Projects() {
  const [search, setSearch] = useState('');
  const asked = useQuery({ queryKey: ['projects'], queryFn: () => get<{ projects: Project[] }>('projects') });
  const shown = asked.data?.projects.filter(project => project.name.toLowerCase().includes(search.toLowerCase())) ?? [];
  return (
    <section className="narrow">
      <h1>Projects</h1>
      <input type="search" aria-label="Search projects" placeholder="Search projects" value={search} onChange={event => setSearch(event.target.value)} />
      <State of={asked} />
      <ul className="cards">
        {shown.map(project => (
          <li key={project.name}>
            <a href={link(['p', project.name])}>
              <strong>{project.name}</strong>
              <span>{project.runs.toLocaleString()} runs · {project.experiments.toLocaleString()} experiments</span>
            </a>
          </li>
        ))}
      </ul>
      {asked.data && !shown.length && <p className="quiet">No project matches.</p>}
    </section>
  );
}
