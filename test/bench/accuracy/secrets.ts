/** Secrets: how many of gitleaks' samples are found, and how many findings there are where there are no secrets. */
import { engineWith, type Judged, judgeText } from './door.ts';
import { gitleaksSamples } from './gitleaks.ts';
import { Tally } from './halves.ts';
import { around, available, type Section, sampled, showWrong } from './report.ts';
import { sources } from './sources.ts';
import type { Figure } from './table.ts';

const isFound = ({ verdict }: Judged) => verdict !== 'allow';

async function inSamples(): Promise<readonly Figure[]> {
  const engine = engineWith('secrets');
  const builtIn = engineWith('secrets', { tokens_only: true });
  const samples = await available('samples', gitleaksSamples);
  const secrets = new Set(samples.filter(({ list }) => list === 'positive').map(({ sample }) => sample));
  const tallies = { positive: new Tally(), negative: new Tally(), tokens: new Tally(), none: new Tally() };
  for (const { rule, list, sample } of sampled(samples, 4)) {
    const judged = await judgeText(engine, sample);
    const hits = isFound(judged) ? 1 : 0;
    const half = tallies[list].add(sample, hits);
    if (isFound(judged) !== (list === 'positive'))
      showWrong(`gitleaks ${list}`, half, `${rule} ${judged.rules}`, sample);
    if (list === 'positive') tallies.tokens.add(sample, isFound(await judgeText(builtIn, sample)) ? 1 : 0);
    // The key of one vendor is no key of another
    else if (!secrets.has(sample)) tallies.none.add(sample, hits);
  }
  const name = "gitleaks' samples of";
  const { positive, negative, tokens, none } = tallies;
  return [
    { name: `${name} secrets, found`, unit: 'share', target: { least: 0.93 }, tally: positive },
    { name: `${name} secrets, found by tokens_only`, unit: 'share', tally: tokens },
    { name: `${name} no secrets, flagged`, unit: 'share', target: { most: 0.05 }, tally: negative },
    { name: `  the same without those that are secrets of another rule`, unit: 'share', tally: none },
  ];
}

async function inSources(): Promise<readonly Figure[]> {
  const engine = engineWith('secrets');
  const together = new Tally();
  const figures: Figure[] = [];
  for (const { name, isTarget, read } of sources()) {
    const tally = new Tally();
    const figure = `secrets in ${name}`;
    for (const file of sampled(await available(figure, read), 8)) {
      const { rules, replaced } = await judgeText(engine, file.text);
      if (isTarget) together.add(file.text, replaced.length, file.text.length);
      const half = tally.add(file.text, replaced.length, file.text.length);
      for (const { value, at } of replaced)
        showWrong(figure, half, `${file.name} ${rules}`, around(file.text, at, value.length));
    }
    figures.push({ name: figure, unit: 'in 20 MB', tally });
  }
  const name = 'secrets in standard libraries, mails and prose';
  return [...figures, { name, unit: 'in 20 MB', target: { most: 1 }, tally: together }];
}

export const SECRET_SECTIONS: readonly Section[] = [
  { name: 'secrets: samples', run: inSamples },
  { name: 'secrets: sources', run: inSources },
];
