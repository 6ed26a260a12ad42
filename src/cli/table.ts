/** A column: its title, and whether its cells are numbers, which end at one edge. */
export type Column = { readonly title: string; readonly isNumber?: boolean };

/** Rows under aligned titles, each line ended; two blanks between columns. */
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

/** A span of time in its two largest units: `12s`, `3m`, `5h 20m`, `2d 4h`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? both(hours, 'h', minutes % 60, 'm')
    : both(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function both(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit} ${small}${smallUnit}`;
}

const UNITS = ['KB', 'MB', 'GB', 'TB'] as const;

/** A number of bytes, in units of 1024 as `OUTBOX_MAX_MB` counts: `900 B`, `12.4 MB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes / 1024;
  let unit = 0;
  // What would be shown as 1024.0 belongs to the next unit
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** A count with its noun: `1 record`, `2 records`. */
export function many(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : noun.replace(/y$/, 'ie').concat('s')}`;
}

/** What somebody else wrote, on one line and cut, without characters that steer a terminal. */
export function oneLine(text: string, max: number): string {
  const characters = [...text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()];
  return characters.length <= max ? characters.join('') : `${characters.slice(0, max - 1).join('')}…`;
}

/** JSON as it can be printed to a terminal: what steers one is escaped, and so is every other invisible character. */
export function printableJson(value: unknown, indent?: number): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, null, indent).replace(/[\p{C}\u2028\u2029]/gu, (character) =>
    character === '\n' ? character : character.split('').map(escaped).join(''),
  );
}
