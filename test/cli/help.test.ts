import { expect, test } from 'vitest';
import { EXPLANATIONS, GROUPS } from '../../src/cli/explanations.ts';
import { runCli } from '../support/cli.ts';

const HEADINGS =
  /^(?:Usage|Arguments|Options|Examples|Exit codes|(?:Commands|Others|Set up|Run|Ask why|Data)):/;
const NO_COMMANDS = ['Usage', 'Arguments', 'Options', 'Examples', 'Exit codes'];

/** The sections of a help by their headings, with their lines. */
function sectionsOf(help: string): ReadonlyMap<string, readonly string[]> {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of help.split('\n')) {
    const [heading] = HEADINGS.exec(line) ?? [];
    if (heading !== undefined) {
      lines = [];
      sections.set(heading.slice(0, -1), lines);
    } else if (line.startsWith('  ')) lines.push(line);
  }
  return sections;
}

/** The names of the commands that a help lists. */
function listed(help: string): string[] {
  return [...sectionsOf(help)]
    .filter(([heading]) => !NO_COMMANDS.includes(heading))
    .flatMap(([, lines]) => lines.flatMap((line) => /^ {2}([a-z-]+)/.exec(line)?.[1] ?? []))
    .filter((name) => name !== 'help');
}

/** Every command and its subcommands, read from the help of each, with these. */
async function commands(path: readonly string[] = []): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = listed((await runCli([...path, '--help'])).out);
  const below = await Promise.all(names.map((name) => commands([...path, name])));
  return new Map([[path.join(' '), names], ...below.flatMap((one) => [...one])]);
}

const all = await commands();
const leaves = [...all].filter(([, below]) => below.length === 0).map(([path]) => path);

test('the help lists every command in a group', async () => {
  const { out } = await runCli(['help']);
  const sections = [...sectionsOf(out)].filter(([heading]) => heading in GROUPS);
  expect(sections.length).toBeGreaterThan(2);
  expect(listed(out).filter((name) => !Object.values(GROUPS).flat().includes(name))).toEqual([]);
  expect(leaves).toEqual(expect.arrayContaining(['policy lint', 'check', 'outbox retry', 'audit export']));
});

test.each([...all.keys()].filter((path) => path !== ''))('%s has a help in the one form', async (path) => {
  const words = path.split(' ');
  const help = await runCli([...words, '--help']);
  expect(help).toMatchObject({ code: 0, err: '' });
  expect(help.out).toMatch(
    new RegExp(`^[A-Z][^\\n]+(?:\\n[^\\n]+)*\\.\\n\\nUsage: guardrail-bridge ${path}\\b`),
  );
  const options = help.out.split('\n').filter((line) => /^ {2}-/.test(line));
  expect(options.filter((line) => !/^ {2}-.*\S {2,}\S/.test(line))).toEqual([]);
  if (path !== 'settings') expect(await runCli(['help', ...words])).toEqual(help);
  expect(await runCli([...words, '-h'])).toEqual(help);
  expect(help.out.split('\n').filter((line) => line.length > 110)).toEqual([]);
});

test.each(leaves)('%s has examples of its own, with options that it has, and exit codes', async (path) => {
  const { out } = await runCli([...path.split(' '), '--help']);
  const sections = sectionsOf(out);
  const examples = sections.get('Examples') ?? [];
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) {
    const [line = ''] = example.trim().split(/ +# /);
    expect(line).toMatch(new RegExp(`^(?:[A-Z_]+=\\S+ )*guardrail-bridge ${path}(?: |$)`));
    for (const [option] of line.matchAll(/(?<=\s)--?[a-z][a-z-]*/g))
      expect(sections.get('Options')?.join('\n')).toMatch(new RegExp(`(?:^|[ ,])${option}\\b`, 'm'));
  }
  const codes = (sections.get('Exit codes') ?? []).map((code) => code.trim().charAt(0));
  expect(codes[0]).toBe('0');
  expect(codes.at(-1)).toBe('2');
});

test('nothing is explained that is no command', () => {
  expect(Object.keys(EXPLANATIONS).filter((path) => !all.has(path))).toEqual([]);
});
