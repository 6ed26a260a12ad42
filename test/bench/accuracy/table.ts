/** The table of the accuracy: one figure a line, the half that was tuned on beside the one that was not. */
import { type Count, Tally } from './halves.ts';

/** `share`: of items, in percent. `in 20 MB`: findings. `count`: of items, as a number. */
export type Unit = 'share' | 'in 20 MB' | 'count';

export type Target = { readonly most: number } | { readonly least: number };

export type Figure = {
  readonly name: string;
  readonly unit: Unit;
  readonly target?: Target;
  readonly tally: Tally;
  /** The same figure for each form or class of the items. */
  readonly parts?: ReadonlyMap<string, Tally>;
  /** Of the rules that matched, for example. */
  readonly note?: string;
  /** True if each part has to reach the target. */
  readonly isEach?: boolean;
};

const MB = 1024 * 1024;
const WIDTHS = [62, 24, 22, 22, 14] as const;
/** Parts that a line has room for. */
const MAX_PARTS = 20;

export function printTableHead(): void {
  printLine(['figure', 'all', 'tuned half', 'held-out half', 'target', '']);
  console.log('  below it, parts of a figure, and behind each in brackets the same of the held-out half');
}

export function printFigure(figure: Figure): void {
  const { name, unit, target, tally, parts, note } = figure;
  if (tally.all.of === 0) return;
  const { all, tuned, heldOut } = tally;
  const cells = [all, tuned, heldOut].map((count) => written(count, unit));
  const verdict = target === undefined ? '' : isMet(figure) ? 'met' : 'MISSED';
  printLine([name, ...cells, target === undefined ? '' : wanted(target, unit), verdict]);
  if (note !== undefined) console.log(`  ${note}`);
  if (parts !== undefined && parts.size > 0) console.log(`  ${partsOf(parts, unit)}`);
}

function partsOf(parts: ReadonlyMap<string, Tally>, unit: Unit): string {
  const shown = [...parts]
    .filter(([, { all }]) => unit !== 'in 20 MB' || all.hits > 0)
    .sort(([, a], [, b]) => (unit === 'in 20 MB' ? b.all.hits - a.all.hits : 0));
  const list = shown
    .slice(0, MAX_PARTS)
    .map(([name, { all, heldOut }]) =>
      unit === 'share'
        ? `${name} ${percent(all)} (${percent(heldOut)})`
        : `${name} ${all.hits.toLocaleString('en')} (${heldOut.hits.toLocaleString('en')})`,
    );
  if (list.length === 0) return 'nothing';
  return [...list, ...(shown.length > MAX_PARTS ? [`${shown.length - MAX_PARTS} others`] : [])].join(', ');
}

/** By the held-out half; where a half is too small to say "one in so many", one is let pass. */
export function isMet({ unit, target, tally, parts, isEach = false }: Figure): boolean {
  if (target === undefined || tally.all.of === 0) return true;
  const tallies = isEach && parts !== undefined ? [...parts.values()] : [tally];
  return tallies.every(({ all, heldOut }) => {
    if (unit === 'share') return isReached(rateOf(heldOut, unit), target);
    const most = 'most' in target ? target.most : 0;
    return [all, heldOut].every((count) => rateOf(count, unit) <= most || (most > 0 && count.hits <= 1));
  });
}

const isReached = (rate: number, target: Target) =>
  'most' in target ? rate <= target.most : rate >= target.least;

function rateOf({ hits, of }: Count, unit: Unit): number {
  if (of === 0) return 0;
  return unit === 'in 20 MB' ? (hits * 20 * MB) / of : hits / of;
}

function written(count: Count, unit: Unit): string {
  const { hits, of } = count;
  if (of === 0) return '-';
  if (unit === 'share') return `${percent(count)} of ${of.toLocaleString('en')}`;
  if (unit === 'count') return `${hits.toLocaleString('en')} of ${of.toLocaleString('en')}`;
  return `${rateOf(count, unit).toFixed(1)} (${hits.toLocaleString('en')} in ${(of / MB).toFixed(1)} MB)`;
}

function wanted(target: Target, unit: Unit): string {
  const sign = 'most' in target ? '<=' : '>=';
  const value = 'most' in target ? target.most : target.least;
  if (unit === 'share') return `${sign} ${Number((value * 100).toFixed(2))} %`;
  if (value === 0) return 'none';
  return unit === 'count' ? `${sign} 1 in ${Math.round(1 / value).toLocaleString('en')}` : `${sign} ${value}`;
}

function percent(count: Count): string {
  if (count.of === 0) return '-';
  const share = (count.hits / count.of) * 100;
  return `${share.toFixed(share > 0 && share < 1 ? 2 : 1)} %`;
}

function printLine(cells: readonly string[]): void {
  console.log(
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(WIDTHS[0]) : cell.padStart(WIDTHS[i] ?? 0)))
      .join(' ')
      .trimEnd(),
  );
}

/** Adds to the tally of a part, which is made for its first item. */
export function addTo(parts: Map<string, Tally>, part: string, ...added: Parameters<Tally['add']>): void {
  const tally = parts.get(part) ?? new Tally();
  parts.set(part, tally);
  tally.add(...added);
}
