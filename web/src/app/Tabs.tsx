//! The parts of a screen, each with a link of its own.
import { setQuery } from './route';

export function Tabs({
  tabs,
  chosen,
  label,
}: {
  tabs: { id: string; title: string }[];
  chosen: string;
  label: string;
}) {
  const known = tabs.some(tab => tab.id === chosen) ? chosen : tabs[0]?.id;
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map(({ id, title }) => (
        <button
          key={id}
          aria-current={known === id ? 'page' : undefined}
          onClick={() => setQuery({ tab: id })}
        >
          {title}
        </button>
      ))}
    </nav>
  );
}
