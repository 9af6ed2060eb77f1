//! What changes on the server is asked for again, at most once a second.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

export function useLive(): boolean {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const source = new EventSource('api/v1/events');
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const again = () => {
      waiting ??= setTimeout(() => {
        waiting = undefined;
        void client.invalidateQueries();
      }, 700);
    };
    // What changed while the connection was down was not told.
    let dropped = false;
    source.onopen = () => { setOpen(true); if (dropped) again(); };
    source.onerror = () => { setOpen(false); dropped = true; };
    source.addEventListener('changes', again);
    return () => { source.close(); clearTimeout(waiting); };
  }, [client]);
  return open;
}
