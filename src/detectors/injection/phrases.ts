import { EXTRACTIONS, OVERRIDES } from './overrides.ts';
import { PRESSURE, ROLES } from './roles.ts';
import type { InjectionSource } from './source.ts';
import { THEFT, TOOLS } from './theft.ts';

/** English phrases of attacks. */
export const PHRASES: readonly InjectionSource[] = [
  ...OVERRIDES,
  ...EXTRACTIONS,
  ...ROLES,
  ...PRESSURE,
  ...THEFT,
  ...TOOLS,
];
