/** A real table whose rows subscribe to their own data: one changed row renders one row. */
import { memo, type ReactNode } from 'react';
import { useRow } from '../feed/react';
import type { RowOf, Topic } from '../feed/types';

export interface Column<T> {
  key: string;
  head: ReactNode;
  /** Figures and times stand right. */
  right?: boolean;
  cell(row: T): ReactNode;
}

interface Props<T extends Topic> {
  topic: T;
  ids: readonly string[];
  columns: readonly Column<RowOf[T]>[];
  caption: string;
  empty: ReactNode;
}

function Cells<T extends Topic>({
  topic,
  id,
  columns,
}: {
  topic: T;
  id: string;
  columns: readonly Column<RowOf[T]>[];
}) {
  const row = useRow(topic, id);
  if (!row) return null;
  return (
    <tr data-row={`${topic}:${id}`}>
      {columns.map((column, at) => {
        const className = column.right ? 'right' : undefined;
        return at === 0 ? (
          <th key={column.key} scope="row" className={className}>
            {column.cell(row)}
          </th>
        ) : (
          <td key={column.key} className={className}>
            {column.cell(row)}
          </td>
        );
      })}
    </tr>
  );
}

const Row = memo(Cells) as typeof Cells;

export function LiveTable<T extends Topic>({ topic, ids, columns, caption, empty }: Props<T>) {
  if (ids.length === 0) return <p className="empty">{empty}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="table-scroll" aria-label={caption} tabIndex={0}>
      <table className="live-table">
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" className={column.right ? 'right' : undefined}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ids.map((id) => (
            <Row key={id} topic={topic} id={id} columns={columns} />
          ))}
        </tbody>
      </table>
    </section>
  );
}
