import { age, plural } from '../guardrail/amounts.ts';
import { oneLine } from '../guardrail/one-line.ts';

export { age, oneLine, plural };

/** A column of a table. */
export type Column = {
  readonly title: string;
  /** Numbers are aligned at their right edge. */
  readonly isNumber?: boolean;
};

/** Rows under aligned titles, two blanks between columns, each line ended. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, i) =>
    rows.reduce((widest, row) => Math.max(widest, width(row[i] ?? '')), width(title)),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map(({ isNumber }, i) => {
        const cell = cells[i] ?? '';
        const blanks = ' '.repeat((widths[i] ?? 0) - width(cell));
        return isNumber ? blanks + cell : cell + blanks;
      })
      .join('  ')
      .trimEnd();
  return [columns.map(({ title }) => title), ...rows].map((cells) => `${line(cells)}\n`).join('');
}

function width(text: string): number {
  return [...text].length;
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** A number of bytes in units of 1024, as `OUTBOX_MAX_MB` counts: `900 B`, `12.4 MB`. */
export function size(bytes: number): string {
  // 1023.95 and more would be printed as 1024.0 of a unit
  const unit = UNITS.findIndex((_, i) => i === UNITS.length - 1 || bytes < 1023.95 * 1024 ** i);
  return `${(bytes / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${UNITS[unit]}`;
}

/** JSON for a terminal: every invisible character is escaped. */
export function printableJson(value: unknown, indent?: number): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, null, indent).replace(/[\p{C}\u2028\u2029]/gu, (character) =>
    character === '\n' ? character : character.split('').map(escaped).join(''),
  );
}

const MAX_CELL_CHARS = 4000;

/**
 * A line of CSV by RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe, invisible characters
 * become blanks, and the texts of a list are separated by blanks.
 *
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvLine(cells: readonly unknown[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = oneLine(Array.isArray(value) ? value.join(' ') : String(value ?? ''), MAX_CELL_CHARS);
  const safe = /^[=+\-@|%\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text;
  return /[",;'\s]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
