/** Runs the sections that are wanted, and says what is wrong in the half that may be looked at. */
import { only, quick, show } from '../stand.ts';
import { Missing } from './corpora.ts';
import type { Half } from './halves.ts';
import { type Figure, isMet, printFigure } from './table.ts';

export type Section = {
  /** `secrets: samples`; `--only` picks by it. */
  readonly name: string;
  /** @throws Missing */
  run(): Promise<readonly Figure[]>;
};

/** Lines that one figure shows at most. */
const MAX_SHOWN = 2000;
const shown = new Map<string, number>();

/** Prints a miss or false alarm, if it belongs to the half that rules are tuned on. */
export function showWrong(figure: string, half: Half, name: string, detail: string): void {
  if (!show || half !== 'tuned') return;
  const count = (shown.get(figure) ?? 0) + 1;
  shown.set(figure, count);
  if (count <= MAX_SHOWN) console.log(`- ${figure} | ${name} | ${JSON.stringify(detail.slice(0, 600))}`);
}

/** A text round a value that was taken for something. */
export function around(text: string, at: number, length: number): string {
  return `${text.slice(Math.max(0, at - 60), at)}»${text.slice(at, at + Math.min(length, 200))}«${text.slice(at + length, at + length + 40)}`;
}

/** Every item, or one in so many with `--quick`. */
export function sampled<T>(items: readonly T[], oneIn: number): readonly T[] {
  return quick ? items.filter((_, i) => i % oneIn === 0) : items;
}

/** The result of reading, or nothing and the reason in a line where there is none. */
export async function available<T>(name: string, read: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    console.log(`skipped: ${name}: ${error.message}`);
    return [];
  }
}

/** Prints the figures of a section as soon as they are there. @returns those that miss their target */
export async function runSection({ name, run }: Section): Promise<readonly string[]> {
  if (!only.test(name)) return [];
  try {
    const figures = await run();
    for (const figure of figures) printFigure(figure);
    return figures.filter((figure) => !isMet(figure)).map((figure) => figure.name);
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    console.log(`skipped: ${name}: ${error.message}`);
    return [];
  }
}
