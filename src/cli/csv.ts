import { oneLine } from './table.ts';

const MAX_CELL_CHARS = 4000;

/**
 * A line of a CSV table by RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe; what
 * is invisible is a blank; the texts of a list are separated by blanks.
 *
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvLine(cells: readonly unknown[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

function cell(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = oneLine(Array.isArray(value) ? value.join(' ') : String(value ?? ''), MAX_CELL_CHARS);
  const safe = /^[=+\-@|%\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text;
  return /[",;'\s]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
