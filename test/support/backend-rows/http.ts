import type { BackendRow } from '../backend-row.ts';
import { json } from '../fake-backend.ts';

/** A preset of one's own, within the entry. */
export const row: BackendRow = {
  kind: 'http',
  options: () => ({
    preset: {
      title: 'Acme Shield',
      judges: ['request', 'response'],
      reads: 'texts',
      headers: { 'x-acme-key': '$secret' },
      asks: [{ path: '/v2/check', body: { text: '$text' } }],
      reply: {
        block: [{ '/ok': false }],
        allow: [{ '/ok': true }],
        reason: '/why',
        redact: { text: '/text' },
      },
    },
  }),
  allow: json({ ok: true }),
  block: (why) => json({ ok: false, why }),
  redact: { reply: json({ ok: true, text: 'the prompt about [FRUIT]' }), text: 'the prompt about [FRUIT]' },
  wrongTypes: json({ ok: 'true' }),
  wrongShape: (said) => json({ verdict: said }),
  secrets: ['v2/check', 'x-acme-key'],
};
