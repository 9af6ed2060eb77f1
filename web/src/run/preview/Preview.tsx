//! A file as its kind allows: a raster picture, a table, a map, JSON, or plain text. Nothing in it is ever run.
import { useState } from 'react';
import { Empty } from '../../app/State';
import type { File } from '../../data/model';
import { source } from '../../data/source';
import { CsvPreview } from './CsvPreview';
import { Diff } from './Diff';
import { GeoJson } from './GeoJson';
import { JsonPreview } from './JsonPreview';
import { TextPreview } from './TextPreview';

/** Kinds that are not text as far as their names tell. */
const BINARY =
  /\.(safetensors|pth?|bin|onnx|npy|npz|h5|zip|gz|zst|tar|tiff?|pdf|parquet|pkl|db|so|exe|mp4|ckpt)$/i;

export default function Preview({ run, file }: { run: string; file: File }) {
  const [asText, setAsText] = useState('');
  const path = file.path.toLowerCase();
  if (BINARY.test(path) && asText !== file.path)
    return (
      <Empty>
        No preview of this kind.{' '}
        <button className="small" onClick={() => setAsText(file.path)}>
          Show as text
        </button>
      </Empty>
    );
  if (/\.(png|jpe?g|webp|gif|bmp|avif)$/.test(path))
    return <img className="picture" src={source.shownUrl(run, file)} alt={file.path} />;
  if (/\.geojson$/.test(path)) return <GeoJson run={run} file={file} />;
  if (/\.(json|ipynb)$/.test(path)) return <JsonPreview run={run} file={file} />;
  if (/\.(csv|tsv)$/.test(path))
    return <CsvPreview run={run} file={file} separator={path.endsWith('.tsv') ? '\t' : ','} />;
  if (/\.(diff|patch)$/.test(path)) return <Diff run={run} file={file} />;
  // Drawings and pages too are shown as the text they are.
  return <TextPreview run={run} file={file} />;
}
