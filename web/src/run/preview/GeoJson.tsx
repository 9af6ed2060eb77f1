//! GeoJSON on a plain canvas, with no map below it, for a map would come from another host.
import { useEffect, useMemo, useRef, useState } from 'react';
import { plural } from '../../app/format';
import { State } from '../../app/State';
import { useScheme } from '../../app/theme';
import { useWidth } from '../../charts/place';
import type { File } from '../../data/model';
import { box, isDegrees, type Place, shapes } from './geometry';
import { useText } from './useText';

const HEIGHT_PX = 460;
const MARGIN_PX = 16;

export function GeoJson({ run, file }: { run: string; file: File }) {
  const asked = useText(run, file);
  const scheme = useScheme();
  const place = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(place);
  const [zoom, setZoom] = useState({ scale: 1, x: 0, y: 0 });
  const drag = useRef<{ x: number; y: number } | null>(null);
  const read = useMemo(() => {
    try {
      return asked.data?.whole ? shapes(JSON.parse(asked.data.text)) : null;
    } catch {
      return null;
    }
  }, [asked.data]);
  const around = useMemo(() => (read ? box(read) : null), [read]);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || !canvas.current || !read || !around || !width) return;
    const dense = window.devicePixelRatio || 1;
    canvas.current.width = width * dense;
    canvas.current.height = HEIGHT_PX * dense;
    context.setTransform(dense, 0, 0, dense, 0, 0);
    // Degrees of longitude are shorter than those of latitude by the cosine of the latitude.
    const narrow = isDegrees(around) ? Math.cos((((around.top + around.bottom) / 2) * Math.PI) / 180) : 1;
    const wide = Math.max((around.right - around.left) * narrow, 1e-12);
    const high = Math.max(around.bottom - around.top, 1e-12);
    const scale = Math.min((width - 2 * MARGIN_PX) / wide, (HEIGHT_PX - 2 * MARGIN_PX) / high) * zoom.scale;
    const [middleX, middleY] = [(around.left + around.right) / 2, (around.top + around.bottom) / 2];
    const at = ([x, y]: Place): Place => [
      width / 2 + (x - middleX) * narrow * scale + zoom.x,
      HEIGHT_PX / 2 - (y - middleY) * scale + zoom.y,
    ];
    const trace = (line: Place[], close: boolean) => {
      line.forEach((one, number) => (number ? context.lineTo(...at(one)) : context.moveTo(...at(one))));
      if (close) context.closePath();
    };
    const ink = scheme === 'dark' ? '#6cb6f2' : '#0b62a8';
    context.strokeStyle = ink;
    context.fillStyle = `${ink}40`;
    context.lineWidth = 1.2;
    for (const rings of read.polygons) {
      context.beginPath();
      rings.forEach(ring => trace(ring, true));
      // Holes stay empty whichever way they turn.
      context.fill('evenodd');
      context.stroke();
    }
    for (const line of read.lines) {
      context.beginPath();
      trace(line, false);
      context.stroke();
    }
    context.fillStyle = ink;
    for (const point of read.points) {
      context.beginPath();
      context.arc(...at(point), 3, 0, 2 * Math.PI);
      context.fill();
    }
  }, [read, around, width, scheme, zoom]);
  const by = (factor: number) =>
    setZoom(before => ({ scale: before.scale * factor, x: before.x * factor, y: before.y * factor }));
  const count = read ? read.polygons.length + read.lines.length + read.points.length : 0;
  return (
    <>
      <State of={asked} />
      {asked.data && !around && (
        <p className="quiet">
          {asked.data.whole ? 'No shapes to draw.' : 'Too large to draw here: download it.'}
        </p>
      )}
      <div className="bar">
        <span className="quiet">{plural(count, 'shape')}</span>
        <span className="spring" />
        <button aria-label="Zoom out" onClick={() => by(1 / 1.5)}>
          −
        </button>
        <button aria-label="Zoom in" onClick={() => by(1.5)}>
          +
        </button>
        <button onClick={() => setZoom({ scale: 1, x: 0, y: 0 })}>Fit</button>
      </div>
      <div ref={place} className="map">
        <canvas
          ref={canvas}
          style={{ width, height: HEIGHT_PX }}
          role="img"
          aria-label={`${file.path}: ${plural(count, 'shape')}`}
          onPointerDown={event => {
            event.currentTarget.setPointerCapture(event.pointerId);
            drag.current = { x: event.clientX, y: event.clientY };
          }}
          onPointerMove={event => {
            if (!drag.current) return;
            const { x, y } = drag.current;
            drag.current = { x: event.clientX, y: event.clientY };
            setZoom(before => ({
              ...before,
              x: before.x + event.clientX - x,
              y: before.y + event.clientY - y,
            }));
          }}
          onPointerUp={() => (drag.current = null)}
        />
      </div>
    </>
  );
}
