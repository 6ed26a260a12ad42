/** Personal data that is found in public code, mails and prose: some of it is real, the rest are false alarms. */
import { engineWith, judgeText } from './door.ts';
import { Tally } from './halves.ts';
import { around, available, type Section, sampled, showWrong } from './report.ts';
import { sources } from './sources.ts';
import { addTo, type Figure } from './table.ts';

async function found(): Promise<readonly Figure[]> {
  const engine = engineWith('pii-detector');
  const figures: Figure[] = [];
  for (const { name, read } of sources()) {
    const tally = new Tally();
    const parts = new Map<string, Tally>();
    const figure = `personal data in ${name}`;
    for (const file of sampled(await available(figure, read), 8)) {
      const { replaced } = await judgeText(engine, file.text);
      const half = tally.add(file.text, replaced.length, file.text.length);
      for (const { label, value, at } of replaced) {
        addTo(parts, label, file.text, 1);
        showWrong(figure, half, `${label} ${file.name}`, around(file.text, at, value.length));
      }
    }
    figures.push({ name: figure, unit: 'in 20 MB', tally, parts });
  }
  return figures;
}

export const FOUND_SECTIONS: readonly Section[] = [{ name: 'personal: sources', run: found }];
