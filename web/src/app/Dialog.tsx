//! A question with a form, before the rest of the page; Escape leaves it.
import { type ReactNode, useEffect, useRef } from 'react';

export function Dialog({
  title,
  action,
  danger = false,
  children,
  done,
  leave,
}: {
  title: string;
  action: string;
  danger?: boolean;
  children: ReactNode;
  done(form: FormData): void;
  leave(): void;
}) {
  const place = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = place.current;
    if (dialog && !dialog.open) dialog.showModal();
  }, []);
  return (
    <dialog ref={place} aria-label={title} onClose={leave}>
      <form
        method="dialog"
        onSubmit={event => {
          event.preventDefault();
          done(new FormData(event.currentTarget));
        }}
      >
        <h2>{title}</h2>
        {children}
        <div className="actions">
          <button type="button" onClick={leave}>
            Cancel
          </button>
          <button className={danger ? 'danger' : 'main'}>{action}</button>
        </div>
      </form>
    </dialog>
  );
}
