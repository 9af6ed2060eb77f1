//! Packed curves: numbers as the machine has them, so that a hundred curves are read in no time.
import type { Curve } from './model';

interface Head {
  series: { run: string; key: string; points: number; time_ms: number }[];
}

/** The curves of an answer to `envelopes`, as `crates/footpath-server/src/api/lines.rs` packs them. */
export function unpack(packed: ArrayBuffer, withTimes: boolean): Curve[] {
  const length = new DataView(packed).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(packed, 8, length))) as Head;
  let at = 8 + length;
  // All machines that browsers run on are little endian.
  const take = (count: number) => {
    const numbers = new Float64Array(packed, at, count);
    at += numbers.byteLength;
    return numbers;
  };
  return head.series.map(({ run, key, points, time_ms }) => {
    const steps = take(points);
    const times = withTimes ? take(points) : null;
    return { run, key, time_ms, steps, times, values: take(points) };
  });
}
