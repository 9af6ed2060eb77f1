//! What stands where an answer is awaited, or was refused.
interface Asked { isPending: boolean; error: Error | null }

export function State({ of }: { of: Asked }) {
  if (of.error) return <p className="error" role="alert">{of.error.message}</p>;
  return of.isPending ? <p className="quiet">Loading…</p> : null;
}
