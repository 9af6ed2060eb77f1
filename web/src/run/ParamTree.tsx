//! Parameters as the tree that their dotted names are.
import { useMemo, useState } from 'react';
import { Empty } from '../app/State';

interface Node {
  name: string;
  value?: string;
  children: Map<string, Node>;
}

function tree(params: [string, string][]): Node {
  const root: Node = { name: '', children: new Map() };
  for (const [key, value] of params) {
    let node = root;
    for (const part of key.split('.')) {
      let next = node.children.get(part);
      if (!next) {
        next = { name: part, children: new Map() };
        node.children.set(part, next);
      }
      node = next;
    }
    node.value = value;
  }
  return root;
}

function Branch({ node }: { node: Node }) {
  const children = [...node.children.values()].sort(
    (a, b) => a.children.size - b.children.size || a.name.localeCompare(b.name),
  );
  return (
    <ul>
      {children.map(child => (
        <li key={child.name}>
          {child.children.size ? (
            <details open>
              <summary>
                {child.name}
                {child.value !== undefined && <span className="value">{child.value}</span>}
              </summary>
              <Branch node={child} />
            </details>
          ) : (
            <span className="leaf">
              <span>{child.name}</span>
              <span className="value">{child.value}</span>
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

export function ParamTree({ params }: { params: Record<string, string> }) {
  const [search, setSearch] = useState('');
  const wanted = search.toLowerCase();
  const found = useMemo(
    () =>
      Object.entries(params)
        .filter(([key, value]) => `${key} ${value}`.toLowerCase().includes(wanted))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    [params, wanted],
  );
  if (!Object.keys(params).length) return <Empty>No parameters were logged.</Empty>;
  return (
    <>
      <div className="bar">
        <input
          type="search"
          aria-label="Search parameters"
          placeholder={`Search ${Object.keys(params).length} parameters`}
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
      </div>
      <div className="tree">
        <Branch node={tree(found)} />
      </div>
    </>
  );
}
