import { EXTRACTIONS, OVERRIDES } from './injection-overrides.ts';
import { PRESSURE, ROLES } from './injection-roles.ts';
import type { InjectionSource } from './injection-source.ts';
import { THEFT, TOOLS } from './injection-theft.ts';

/** English phrases of attacks. */
export const PHRASES: readonly InjectionSource[] = [
  ...OVERRIDES,
  ...EXTRACTIONS,
  ...ROLES,
  ...PRESSURE,
  ...THEFT,
  ...TOOLS,
];
