import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const SRC = join(import.meta.dirname, '..', 'src');
const files = globSync('**/*.ts', { cwd: SRC }).sort();
const texts = new Map(files.map((file) => [file, readFileSync(join(SRC, file), 'utf8')]));

/** The rooms by floor, the ground floor first. A file in `src` itself is a room of its own. */
const FLOORS = [
  ['guardrail', 'detectors', 'storage', 'database'],
  ['state'],
  ['litellm', 'policies', 'backends', 'outbox', 'audit', 'observability'],
  ['pipeline', 'delivery', 'config'],
  ['records'],
  ['decisions'],
  ['otlp'],
  ['calls', 'findings'],
  ['http', 'answers'],
  ['ui'],
  ['bridge.ts', 'bridge-parts.ts', 'workers'],
  ['doctor', 'demo'],
  ['cli'],
  ['main.ts', 'index.ts'],
];

const roomOf = (file: string) => file.split('/')[0] as string;
const floorOf = (file: string) => FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));

/** The files that a file imports, types included. */
function importsOf(file: string): string[] {
  const found = (texts.get(file) as string).matchAll(/(?:from|import\()\s*'(\.[^']+\.ts)'/g);
  return [...found].map(([, path]) => relative(SRC, join(SRC, dirname(file), path as string)));
}

test('every source file stands in a folder that has a level', () => {
  expect(files.filter((file) => floorOf(file) < 0)).toEqual([]);
});

test('no import goes to a higher level', () => {
  const climbing = files.flatMap((file) =>
    importsOf(file)
      .filter((imported) => floorOf(imported) > floorOf(file))
      .map((imported) => `${file} -> ${imported}`),
  );
  expect(climbing).toEqual([]);
});

test('no two folders import each other', () => {
  const pairs = new Set(
    files.flatMap((file) => importsOf(file).map((imported) => `${roomOf(file)} ${roomOf(imported)}`)),
  );
  const circles = [...pairs].filter((pair) => {
    const [from, to] = pair.split(' ');
    return from !== to && pairs.has(`${to} ${from}`);
  });
  expect(circles).toEqual([]);
});

test('no two files export the same name', () => {
  const owners = new Map<string, string[]>();
  for (const [file, text] of texts) {
    const exported = text.matchAll(
      /^export (?:async )?(?:abstract )?(?:function\*?|const|class|type) (\w+)/gm,
    );
    for (const [, name] of exported) {
      const known = owners.get(name as string) ?? [];
      if (!known.includes(file)) owners.set(name as string, [...known, file]);
    }
  }
  expect([...owners].filter(([, where]) => where.length > 1)).toEqual([]);
});

test('no source file is too long to keep in mind', () => {
  const long = [...texts].map(([file, text]) => [file, text.split('\n').length] as const);
  // One more than its lines: the text ends with a line break
  expect(long.filter(([, lines]) => lines > 301)).toEqual([]);
});

test('no event and no timer is handled by an async function, whose failure nobody would hear of', () => {
  const handlers =
    /(?:\.(?:on|once|addListener|prependListener|addEventListener)|setTimeout|setInterval|setImmediate|nextTick|queueMicrotask)\(\s*(?:'[^']*',\s*)?async\b/g;
  const found = [...texts].flatMap(([file, text]) =>
    [...text.matchAll(handlers)].map(([code]) => `${file}: ${code}`),
  );
  // Its body is a `try` with a `catch` and nothing else
  expect(found).toEqual([`records/worker.ts: .on('message', async`]);
});
