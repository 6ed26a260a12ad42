import type { AnchoredRule } from '../rule.ts';
import { CRYPTO } from './crypto.ts';
import { EMAIL } from './email.ts';
import type { Entity } from './entity.ts';
import { HEALTH } from './health.ts';
import { AMERICAN, NATIONAL } from './national.ts';
import { NETWORK } from './network.ts';
import { PAYMENT } from './payment.ts';
import { PHONE } from './phone.ts';

/** All personal data that can be told by its shape or its sum, without a model. */
export const ENTITIES: readonly Entity[] = [
  EMAIL,
  PHONE,
  ...PAYMENT,
  ...AMERICAN,
  ...NETWORK,
  CRYPTO,
  ...NATIONAL,
  ...HEALTH,
];

/** The rules of all entities but those of healthcare. */
export const PERSONAL_DATA: readonly AnchoredRule[] = ENTITIES.flatMap(({ mode, rules }) =>
  mode === 'healthcare' ? [] : rules,
);
