import type { CallFacts } from '../answers/why-facts.ts';
import { table } from './output.ts';

/** The story of a call, as `why` prints it. */
export function whyText({ sentence, facts, advice }: CallFacts): string {
  const rows = facts.map(([title, text]) => [`  ${title}`, text]);
  const lines = advice.map((line, i) => `${i === 0 ? 'To do: ' : '       '}${line}\n`);
  const last = lines.length === 0 ? '' : `\n${lines.join('')}`;
  return `${sentence}\n\n${withoutTitles(rows)}${last}`;
}

/** Rows as a table without a line of titles. */
function withoutTitles(rows: readonly (readonly string[])[]): string {
  const text = table([{ title: '' }, { title: '' }], rows);
  return text.slice(text.indexOf('\n') + 1);
}
