//! Where filters are written: suggestions at the cursor, and errors at the spot.
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import type { Columns } from '../data/model';
import { Refused } from '../data/refused';
import { complete } from './complete';
import { problem } from './parse';

export function FilterBar({
  filter,
  columns,
  values,
  refused,
  apply,
}: {
  filter: string;
  columns: Columns;
  values: (field: string) => string[];
  /** Why the server refused the filter, if it did. */
  refused: Refused | null;
  apply(filter: string): void;
}) {
  const [draft, setDraft] = useState(filter);
  const [cursor, setCursor] = useState(0);
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const [wrong, setWrong] = useState<{ text: string; message: string; position?: number } | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const list = useId();
  useEffect(() => {
    setDraft(filter);
    setWrong(null);
  }, [filter]);
  const { from, suggestions } = open
    ? complete(draft, cursor, columns, values)
    : { from: 0, suggestions: [] };
  const shown = open && suggestions.length > 0;

  function submit(text: string) {
    setOpen(false);
    const found = problem(text);
    if (found) setWrong({ text, message: found.message, position: found.position });
    else {
      setWrong(null);
      apply(text.trim());
    }
  }
  function take(at: number) {
    const suggestion = suggestions[at];
    if (!suggestion) return;
    const space = suggestion.text.endsWith('.') || suggestion.text.endsWith('(') ? '' : ' ';
    const head = draft.slice(0, from) + suggestion.text + space;
    setDraft(head + draft.slice(cursor).trimStart());
    setCursor(head.length);
    setChosen(-1);
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(head.length, head.length);
    });
  }
  function key(event: KeyboardEvent) {
    if (event.key === 'ArrowDown' && !open) setOpen(true);
    else if (event.key === 'ArrowDown' && shown) setChosen((chosen + 1) % suggestions.length);
    else if (event.key === 'ArrowUp' && shown) setChosen((chosen <= 0 ? suggestions.length : chosen) - 1);
    else if ((event.key === 'Enter' || event.key === 'Tab') && shown && chosen >= 0) take(chosen);
    else if (event.key === 'Tab' && shown && draft.slice(from, cursor).length > 0 && !event.shiftKey) take(0);
    else if (event.key === 'Enter') submit(draft);
    else if (event.key === 'Escape' && open) setOpen(false);
    else return;
    event.preventDefault();
  }
  const error = wrong ?? (refused && { text: filter, message: refused.message, position: refused.position });
  return (
    <div className="filter" role="search">
      <div className="combo">
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label="Filter runs"
          aria-expanded={shown}
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={shown && chosen >= 0 ? `${list}-${chosen}` : undefined}
          aria-invalid={!!error}
          spellCheck={false}
          autoComplete="off"
          placeholder="Filter: best(metrics.iou) > 0.7 AND params.lr = 0.001"
          value={draft}
          onChange={event => {
            setDraft(event.target.value);
            setCursor(event.target.selectionStart ?? event.target.value.length);
            setOpen(true);
            setChosen(-1);
            setWrong(null);
            if (!event.target.value) apply('');
          }}
          onSelect={event => setCursor(event.currentTarget.selectionStart ?? 0)}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={key}
        />
        {draft && (
          <button className="clear" aria-label="Clear the filter" onClick={() => submit('')}>
            ×
          </button>
        )}
        <ul id={list} role="listbox" aria-label="Suggestions" hidden={!shown}>
          {suggestions.map((one, at) => (
            <li
              key={one.label}
              id={`${list}-${at}`}
              role="option"
              aria-selected={at === chosen}
              ref={element => {
                if (at === chosen) element?.scrollIntoView({ block: 'nearest' });
              }}
              onPointerDown={event => {
                event.preventDefault();
                take(at);
              }}
            >
              <code>{one.label}</code> <span className="quiet">{one.hint}</span>
            </li>
          ))}
        </ul>
      </div>
      {error && <Wrong {...error} />}
    </div>
  );
}

/** What is wrong with a filter, and the filter with the spot marked. */
function Wrong({ text, message, position }: { text: string; message: string; position?: number }) {
  const chars = [...text];
  return (
    <div className="error wrong" role="alert">
      {message}
      {position !== undefined && (
        <code>
          {chars.slice(Math.max(0, position - 40), position)}
          <mark>{chars.slice(position, position + 1).join('') || '⌁'}</mark>
          {chars.slice(position + 1, position + 40)}
        </code>
      )}
    </div>
  );
}
