import type { BackendRow } from '../backend-row.ts';
import { json } from '../fake-backend.ts';
import { llamaGuardSays } from '../llama-guard.ts';

const row = (variant: string, options: Record<string, unknown>): BackendRow => ({
  kind: 'llama-guard',
  variant,
  options: () => options,
  allow: llamaGuardSays('\n\nsafe'),
  block: () => llamaGuardSays('\n\nunsafe\nS2,S9'),
  wrongTypes: llamaGuardSays(true),
  wrongShape: (said) => json({ choices: [{ text: said }] }),
  secrets: ['/chat/completions'],
});

export const rows = [row('template of the server', {}), row('own prompt', { prompt: 'own' })];
