//! A CSV file as a table.
import { useMemo } from 'react';
import { State } from '../../app/State';
import type { File } from '../../data/model';
import { parseCsv } from './csv';
import { useText } from './useText';

const ROWS = 500;
const COLUMNS = 60;

export function CsvPreview({ run, file, separator }: { run: string; file: File; separator: string }) {
  const asked = useText(run, file);
  const rows = useMemo(
    () => (asked.data ? parseCsv(asked.data.text, separator, ROWS + 2) : []),
    [asked.data, separator],
  );
  const [head, ...body] = rows;
  return (
    <>
      <State of={asked} />
      {head && (
        <div className="scroll tall" tabIndex={0} role="region" aria-label={file.path}>
          <table>
            <thead>
              <tr>
                {head.slice(0, COLUMNS).map((cell, at) => (
                  <th scope="col" key={at}>
                    {cell}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {body.slice(0, ROWS).map((row, at) => (
                <tr key={at}>
                  {row.slice(0, COLUMNS).map((cell, column) => (
                    <td key={column} className={cell && Number.isFinite(Number(cell)) ? 'number' : ''}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {(body.length > ROWS || (head?.length ?? 0) > COLUMNS) && (
        <p className="quiet">
          The first {ROWS} rows and {COLUMNS} columns.
        </p>
      )}
    </>
  );
}
