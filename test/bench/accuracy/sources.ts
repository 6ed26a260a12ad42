/** Ordinary texts, in which there is little to find: code, mails and prose. */
import { fileURLToPath } from 'node:url';
import { fetched, filesOf, goFiles, type Item, pythonFiles, versionOf } from './corpora.ts';
import { type Pin, packagesFor } from './pins.ts';

export type Source = {
  readonly name: string;
  /** True if it counts for the targets. */
  readonly isTarget: boolean;
  /** @throws Missing */
  read(): Promise<readonly Item[]>;
};

const TEXTS = '**/*.{py,go,md,json,ts,js,yaml}';
const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

export const sources = (): readonly Source[] => [
  { name: `Python's standard library ${versionOf('python3')}`, isTarget: true, read: pythonFiles },
  { name: `Go's standard library ${versionOf('go')}`, isTarget: true, read: goFiles },
  { name: 'ham mails', isTarget: true, read: hamMails },
  { name: 'spam mails', isTarget: false, read: spamMails },
  { name: 'speeches and a novel', isTarget: true, read: prose },
  { name: "packages of LiteLLM's proxy and of agents", isTarget: false, read: () => packages(TEXTS) },
  {
    name: "this project's node_modules",
    isTarget: false,
    read: async () => filesOf(`${PROJECT}node_modules`, TEXTS, (name) => !/^node\b|\.cache/.test(name)),
  },
];

export async function hamMails(): Promise<readonly Item[]> {
  return inEach(packagesFor('mails'), 'data/*ham*/*.txt');
}

async function spamMails(): Promise<readonly Item[]> {
  return inEach(packagesFor('mails'), 'data/spam-*/*.txt');
}

export async function prose(): Promise<readonly Item[]> {
  return inEach(packagesFor('prose'), 'data/*.txt');
}

async function packages(pattern: string): Promise<readonly Item[]> {
  return inEach(packagesFor('library', 'agent'), pattern);
}

/** The files of some packages. @throws Missing */
export async function inEach(pins: readonly Pin[], pattern: string): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (const pin of pins) {
    const folder = await fetched(pin);
    for (const { name, text } of filesOf(folder, pattern)) items.push({ name: `${pin.name}/${name}`, text });
  }
  return items;
}
