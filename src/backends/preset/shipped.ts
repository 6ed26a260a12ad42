import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../backend.ts';
import { presetBackend } from './preset-backend.ts';
import { readPreset } from './read-preset.ts';

const FOLDER = join(import.meta.dirname, '..', 'presets');

/** The kinds that come as presets, each a file of its name. */
export const SHIPPED_PRESETS: readonly string[] = [
  'lakera',
  'openai-moderation',
  'azure-prompt-shield',
  'azure-content-safety',
  'prisma-airs',
  'cisco-ai-defense',
  'llm-guard',
  'nemo-guardrails',
  'guardrails-ai',
  'opa',
  'webhook',
];

const read = new Map<string, Backend>();

/** The backend of a shipped preset; undefined for any other kind. It is read when it is first asked for. */
export function shippedPreset(kind: string): Backend | undefined {
  if (!isShippedPreset(kind)) return undefined;
  let backend = read.get(kind);
  if (backend === undefined) {
    backend = presetBackend(kind, readPreset(presetText(kind)));
    read.set(kind, backend);
  }
  return backend;
}

/** True for a kind that is a preset of its name. */
export function isShippedPreset(kind: string): boolean {
  return SHIPPED_PRESETS.includes(kind);
}

/** The YAML of a shipped preset, or of the one to start from, `http`. */
export function presetText(kind: string): string {
  return readFileSync(join(FOLDER, `${kind}.yaml`), 'utf8');
}
