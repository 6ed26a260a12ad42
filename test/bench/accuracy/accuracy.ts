/** How often the policies are wrong about texts of others, in one table. */

import { DISGUISE_SECTIONS } from './disguises.ts';
import { FOUND_SECTIONS } from './found.ts';
import { INJECTION_SECTIONS } from './injection.ts';
import { NUMBER_SECTIONS } from './numbers.ts';
import { RECALL_SECTIONS } from './personal.ts';
import { runSection } from './report.ts';
import { SECRET_SECTIONS } from './secrets.ts';
import { printTableHead } from './table.ts';

export async function accuracy(): Promise<void> {
  printTableHead();
  const missed: string[] = [];
  for (const section of [
    ...SECRET_SECTIONS,
    ...NUMBER_SECTIONS,
    ...RECALL_SECTIONS,
    ...FOUND_SECTIONS,
    ...INJECTION_SECTIONS,
    ...DISGUISE_SECTIONS,
  ])
    missed.push(...(await runSection(section)));
  console.log(missed.length === 0 ? 'No target that was measured is missed' : `MISSED: ${missed.join('; ')}`);
}
