//! A button with a panel below it; a click elsewhere or Escape closes it.
import { type ReactNode, useEffect, useRef, useState } from 'react';

export function Menu({
  title,
  children,
  wide = false,
}: {
  title: ReactNode;
  children: ReactNode;
  wide?: boolean;
}) {
  const place = useRef<HTMLDetailsElement>(null);
  // What is in the panel is made when it is looked at: some lists are long.
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const close = (event: Event) => {
      const menu = place.current;
      if (!menu?.open) return;
      const left =
        event instanceof KeyboardEvent ? event.key === 'Escape' : !menu.contains(event.target as Node);
      if (!left) return;
      menu.open = false;
      if (event instanceof KeyboardEvent) menu.querySelector('summary')?.focus();
    };
    document.addEventListener('pointerdown', close);
    document.addEventListener('keydown', close);
    return () => {
      document.removeEventListener('pointerdown', close);
      document.removeEventListener('keydown', close);
    };
  }, []);
  return (
    <details className="menu" ref={place} onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>
        {title} <span aria-hidden="true">▾</span>
      </summary>
      <div className={wide ? 'panel wide' : 'panel'}>{open && children}</div>
    </details>
  );
}
