import type { BackendRow } from '../backend-row.ts';
import { json } from '../fake-backend.ts';
import { keeptrustsGateway } from '../keeptrusts.ts';

const redacts = (text: string) => text.replace('plums', '[FRUIT]');
const completion = (content: unknown) =>
  json({ id: 'chatcmpl-7', choices: [{ index: 0, message: { content } }] });

export const row: BackendRow = {
  kind: 'keeptrusts',
  allow: keeptrustsGateway(),
  block: (message) =>
    keeptrustsGateway({ input: () => ({ policy: 'dlp-filter', code: 'input_blocked', message }) }),
  redact: {
    reply: keeptrustsGateway({ input: redacts, output: redacts }),
    text: 'the prompt about [FRUIT]',
  },
  wrongTypes: completion(true),
  wrongShape: completion,
  secrets: ['/chat/completions'],
};
