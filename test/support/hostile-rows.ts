import type { DecisionRow } from '../../src/decisions/row.ts';
import { row } from './decisions.ts';

/** Names that a client can choose, or that were kept before names were made well: each by what is odd about it. */
export const HOSTILE_NAMES: readonly string[] = [
  'x\ud800',
  '\udc00x',
  '\udc00\ud800',
  `$1{'a'.repeat(15)}\ud83d`,
  `$1{'f'.repeat(255)}\ud83d\ude00`,
  '\u{1f600}'.repeat(150),
  'x'.repeat(400),
  '',
  ' ',
  '%',
  '%00%zz',
  '../..?#&=+',
  '\0\b\u0007\r\n\t',
  '\u202ecod\u2066\u2028\ufeff',
  '<script>alert(1)</script>"\'`',
  '</td></tr></table><!--',
  '__proto__',
  'constructor',
  '$1&$1',
  '\ufffe\uffff\u{10ffff}',
];

const FIELDS = [
  'ref',
  'litellm_call_id',
  'model',
  'team',
  'key',
  'user',
  'end_user',
  'category',
  'by',
] as const;

/** A decision for each of these names in each of the fields that the page shows, as somebody may have kept it. */
export function hostileRows(): readonly DecisionRow[] {
  return HOSTILE_NAMES.flatMap((name) => [
    ...FIELDS.map((field) => row({ verdict: 'redact', litellm_call_id: null, [field]: name })),
    row({
      ...{ verdict: 'redact', by: null, litellm_call_id: name },
      policies: [{ kind: name, enforced: false, verdict: 'block', reason_code: name, rules: [name] }],
      backends: [{ backend: name, mode: 'enforce', result: 'timeout', ms: 1 } as never],
    }),
  ]);
}
