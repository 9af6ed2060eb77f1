//! Pictures side by side that zoom and move as one, each laid over its input as far as wanted.
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from 'react';
import { useWidth } from '../charts/place';
import type { Layer } from '../data/model';
import { source } from '../data/source';

export interface Pane {
  title: string;
  colour?: string;
  /** What lies below. */
  base?: Layer;
  /** What lies over it. */
  top?: Layer;
  note?: string;
}

/** What part is seen: how much larger, and where the picture's corner is, in widths and heights of a pane. */
interface View {
  scale: number;
  x: number;
  y: number;
}

const WHOLE: View = { scale: 1, x: 0, y: 0 };
const MOST = 40;
/** A pane is at least so wide, if the window is. */
const PANE_PX = 250;

/** The view so that a picture covers its pane. */
function held({ scale, x, y }: View): View {
  const s = Math.min(MOST, Math.max(1, scale));
  const within = (at: number) => Math.min(0, Math.max(1 - s, at));
  return { scale: s, x: within(x), y: within(y) };
}

const zoomed = (view: View, by: number, u: number, v: number): View => {
  const scale = Math.min(MOST, Math.max(1, view.scale * by));
  const grown = scale / view.scale;
  return held({ scale, x: u - (u - view.x) * grown, y: v - (v - view.y) * grown });
};

export function Panes({ panes, label }: { panes: Pane[]; label: string }) {
  const [view, setView] = useState(WHOLE);
  const [overlay, setOverlay] = useState(1);
  const [wipe, setWipe] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  // As many rows as there must be, and none with a lone pane beside an empty place if it can be helped.
  const most = Math.max(1, Math.floor(useWidth(place) / PANE_PX));
  const columns = Math.ceil(panes.length / Math.ceil(panes.length / most));
  const drag = useRef<{ x: number; y: number; view: View } | null>(null);
  useEffect(() => setView(WHOLE), [label]);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    // React's wheel listeners are passive: they cannot keep the page from scrolling.
    const wheel = (event: WheelEvent) => {
      const box = (event.target as HTMLElement).closest('.pane .frame')?.getBoundingClientRect();
      if (!box || (!event.ctrlKey && !event.metaKey && view.scale === 1 && event.deltaY > 0)) return;
      event.preventDefault();
      const [u, v] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      setView(before => zoomed(before, Math.exp(-event.deltaY / 300), u, v));
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => element.removeEventListener('wheel', wheel);
  }, [view.scale === 1]);

  function move(event: PointerEvent<HTMLElement>) {
    if (!drag.current) return;
    const box = event.currentTarget.getBoundingClientRect();
    const { x, y, view: from } = drag.current;
    setView(
      held({
        ...from,
        x: from.x + (event.clientX - x) / box.width,
        y: from.y + (event.clientY - y) / box.height,
      }),
    );
  }
  function key(event: KeyboardEvent) {
    const by: Record<string, () => View> = {
      '+': () => zoomed(view, 1.5, 0.5, 0.5),
      '=': () => zoomed(view, 1.5, 0.5, 0.5),
      '-': () => zoomed(view, 1 / 1.5, 0.5, 0.5),
      ArrowLeft: () => held({ ...view, x: view.x + 0.15 }),
      ArrowRight: () => held({ ...view, x: view.x - 0.15 }),
      ArrowUp: () => held({ ...view, y: view.y + 0.15 }),
      ArrowDown: () => held({ ...view, y: view.y - 0.15 }),
      '0': () => WHOLE,
    };
    const next = by[event.key];
    if (!next) return;
    event.preventDefault();
    setView(next());
  }
  const transform = `translate(${view.x * 100}%, ${view.y * 100}%) scale(${view.scale})`;
  const rendering = view.scale > 2 ? 'pixelated' : 'auto';
  const img = (layer: Layer, alt: string, style: React.CSSProperties) => (
    <img
      key={layer.digest}
      src={source.pictureUrl(layer.digest, layer.media_type)}
      alt={alt}
      draggable={false}
      width={layer.width_px}
      height={layer.height_px}
      style={{ transform, imageRendering: rendering, ...style }}
    />
  );
  return (
    <div>
      <div className="bar viewer">
        <label className="slider">
          {wipe ? 'Wipe' : 'Fade'} to input{' '}
          <input
            type="range"
            min={0}
            max={1}
            step={0.01}
            value={1 - overlay}
            onChange={event => setOverlay(1 - Number(event.target.value))}
          />
        </label>
        <label>
          <input type="checkbox" checked={wipe} onChange={event => setWipe(event.target.checked)} /> Wipe
        </label>
        <span className="spring" />
        <button
          aria-label="Zoom out"
          disabled={view.scale <= 1}
          onClick={() => setView(zoomed(view, 1 / 1.5, 0.5, 0.5))}
        >
          −
        </button>
        <output aria-label="Zoom">{Math.round(view.scale * 100)} %</output>
        <button aria-label="Zoom in" onClick={() => setView(zoomed(view, 1.5, 0.5, 0.5))}>
          +
        </button>
        <button disabled={view.scale === 1} onClick={() => setView(WHOLE)}>
          Fit
        </button>
      </div>
      <div
        className="panes"
        ref={place}
        style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
        tabIndex={0}
        role="group"
        onKeyDown={key}
        aria-label={`${label}. Plus and minus zoom all pictures, arrows move them, 0 fits them.`}
      >
        {panes.map(pane => {
          const shape = pane.top ?? pane.base;
          return (
            <figure className="pane" key={pane.title}>
              <figcaption>
                {pane.colour && <i className="dot" style={{ background: pane.colour }} />}
                <span title={pane.title}>{pane.title}</span>
              </figcaption>
              <div
                className="frame"
                style={{ aspectRatio: shape ? `${shape.width_px} / ${shape.height_px}` : '1' }}
                onPointerDown={event => {
                  event.currentTarget.setPointerCapture(event.pointerId);
                  drag.current = { x: event.clientX, y: event.clientY, view };
                }}
                onPointerMove={move}
                onPointerUp={() => (drag.current = null)}
                onDoubleClick={() => setView(WHOLE)}
              >
                {pane.base && img(pane.base, pane.top ? '' : pane.title, {})}
                {pane.top &&
                  img(
                    pane.top,
                    pane.title,
                    !pane.base
                      ? {}
                      : wipe
                        ? { clipPath: `inset(0 0 0 ${(1 - overlay) * 100}%)` }
                        : { opacity: overlay },
                  )}
                {!shape && <p className="quiet">not logged</p>}
              </div>
              {pane.note && <small className="quiet">{pane.note}</small>}
            </figure>
          );
        })}
      </div>
    </div>
  );
}
