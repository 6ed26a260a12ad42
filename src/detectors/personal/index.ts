import type { AnchoredRule } from '../rule.ts';
import { CRYPTO } from './crypto.ts';
import { EMAIL } from './email.ts';
import { HEALTH_INSURANCE_IDS, MEDICAL_LICENSES, MEDICAL_RECORDS, US_MBIS, US_NPIS } from './health.ts';
import {
  ES_NIFS,
  IN_AADHAARS,
  IN_PANS,
  IT_FISCAL_CODES,
  UK_NHS,
  UK_NINOS,
  US_ITINS,
  US_SSNS,
} from './national.ts';
import { IP_ADDRESSES, MAC_ADDRESSES } from './network.ts';
import { CARD_CODES, CARDS, IBANS } from './payment.ts';
import { PHONES } from './phone.ts';

/** One kind of personal data. */
export type Entity = {
  /** Presidio's name where it has one. @see https://microsoft.github.io/presidio/supported_entities/ */
  readonly name: string;
  /** Other names people write for it, Keeptrusts' among them. */
  readonly aliases: readonly string[];
  /** Looked for in every text, with `pci_mode` or with `healthcare_mode` only. */
  readonly mode: 'always' | 'pci' | 'healthcare';
  /** All with the id that is the name in kebab-case. */
  readonly rules: readonly AnchoredRule[];
};

const entity = (
  name: string,
  aliases: string[],
  rules: readonly AnchoredRule[],
  mode: Entity['mode'] = 'always',
) => ({
  name,
  aliases,
  mode,
  rules,
});

/** All personal data that can be told by its shape or its sum, without a model. */
export const ENTITIES: readonly Entity[] = [
  entity('EMAIL_ADDRESS', ['EMAIL'], [EMAIL]),
  entity('PHONE_NUMBER', ['PHONE'], PHONES),
  entity('CREDIT_CARD', ['CREDIT_CARD_NUMBER', 'CARD'], CARDS, 'pci'),
  entity('CARD_CODE', ['CVV', 'CVC'], CARD_CODES, 'pci'),
  entity('IBAN_CODE', ['IBAN'], IBANS),
  entity('US_SSN', ['SSN'], US_SSNS),
  entity('US_ITIN', ['ITIN'], US_ITINS),
  entity('IP_ADDRESS', ['IP'], IP_ADDRESSES),
  entity('MAC_ADDRESS', ['MAC'], MAC_ADDRESSES),
  entity('CRYPTO', ['CRYPTO_ADDRESS'], CRYPTO),
  entity('UK_NHS', ['NHS'], UK_NHS),
  entity('UK_NINO', ['NINO'], UK_NINOS),
  entity('IN_PAN', [], IN_PANS),
  entity('IN_AADHAAR', ['AADHAAR'], IN_AADHAARS),
  entity('ES_NIF', [], ES_NIFS),
  entity('IT_FISCAL_CODE', [], IT_FISCAL_CODES),
  entity('MEDICAL_RECORD_NUMBER', ['MRN'], MEDICAL_RECORDS, 'healthcare'),
  entity('HEALTH_INSURANCE_ID', ['INSURANCE_ID'], HEALTH_INSURANCE_IDS, 'healthcare'),
  entity('US_MBI', ['MBI'], US_MBIS, 'healthcare'),
  entity('US_NPI', ['NPI'], US_NPIS, 'healthcare'),
  entity('MEDICAL_LICENSE', ['DEA', 'DEA_NUMBER'], MEDICAL_LICENSES, 'healthcare'),
];

/** The rules of all entities but those of healthcare. */
export const PERSONAL_DATA: readonly AnchoredRule[] = ENTITIES.filter(
  ({ mode }) => mode !== 'healthcare',
).flatMap(({ rules }) => rules);
