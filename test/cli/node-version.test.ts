import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';

const CHECK = join(import.meta.dirname, '..', '..', 'src', 'node-version.cjs');
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const ONE_LINE = /^litellm-guardrail-bridge needs Node\.js 24 or newer and was started on v\S+ .*\n$/;

function runAs(version: string) {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '${version}' });`;
  const script = `${pretend} require(${JSON.stringify(CHECK)}); console.log('went on');`;
  return spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 10_000 });
}

test.each(['0.10.48', '9.11.2', '18.20.8', '22.12.0', '23.11.1'])(
  'Node.js %s ends with exit code 1 and one line that says what is needed',
  (version) => {
    const { status, stdout, stderr } = runAs(version);
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(ONE_LINE);
  },
);

test.each(['24.0.0', '25.1.0', '100.0.0'])('Node.js %s goes on without a word', (version) => {
  const { status, stdout, stderr } = runAs(version);
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'went on\n', stderr: '' });
});

test('the check is written in the syntax of 2009', () => {
  const code = readFileSync(CHECK, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('//'))
    .join('\n');
  expect(code).not.toMatch(/=>|`|\?\.|\?\?|\.\.\.|\*\*|\b(?:let|const|class|async|await|import|export)\b/);
});

/** Node.js binaries on this machine that are too old; on most there is none. */
const tooOld = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .filter((binary) => {
    try {
      accessSync(binary, constants.X_OK);
      return (
        Number(execFileSync(binary, ['-p', 'parseInt(process.versions.node)'], { timeout: 10_000 })) < 24
      );
    } catch {
      return false;
    }
  });

test.skipIf(tooOld.length === 0)('a Node.js that really is too old says so before it sees TypeScript', () => {
  const { status, stdout, stderr } = spawnSync(tooOld[0] as string, ['-r', CHECK, MAIN], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(ONE_LINE);
});
