//! How runs are grouped: not at all, by all parameters but the seed, or by some.
import { useState } from 'react';
import { Menu } from '../app/Menu';
import { setQuery } from '../app/route';

export function Grouping({ params, group }: { params: string[]; group: string | null }) {
  const [search, setSearch] = useState('');
  const by = group === null || group === 'seeds' ? [] : group.split('\n').filter(Boolean);
  const title =
    group === null
      ? 'Group'
      : group === 'seeds'
        ? 'Grouped by seeds'
        : `Grouped by ${by.length === 1 ? by[0] : by.length}`;
  const found = params.filter(key => key.toLowerCase().includes(search.toLowerCase()));
  const toggle = (key: string) =>
    setQuery({
      group: (by.includes(key) ? by.filter(one => one !== key) : [...by, key]).join('\n'),
      show: '',
    });
  return (
    <Menu title={title}>
      <label>
        <input type="radio" name="group" checked={group === null} onChange={() => setQuery({ group: '' })} />{' '}
        Every run by itself
      </label>
      <label>
        <input
          type="radio"
          name="group"
          checked={group === 'seeds'}
          onChange={() => setQuery({ group: 'seeds', show: '' })}
        />{' '}
        Seeds together: all other parameters alike
      </label>
      <h3>By parameters</h3>
      {params.length > 12 && (
        <input
          type="search"
          aria-label="Search parameters"
          placeholder="Search parameters"
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
      )}
      {found.slice(0, 100).map(key => (
        <label key={key}>
          <input type="checkbox" checked={by.includes(key)} onChange={() => toggle(key)} /> {key}
        </label>
      ))}
    </Menu>
  );
}
