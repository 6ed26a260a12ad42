/** The packages whose texts the accuracy is measured on: none of them is part of the project. */
import { readFileSync } from 'node:fs';

export type Pin = {
  readonly from: 'pypi' | 'npm';
  readonly name: string;
  readonly version: string;
  /** Of the file that the registry hands out. */
  readonly sha256: string;
};

export type Use =
  | 'generator'
  | 'attacks'
  | 'agent'
  | 'other-agent'
  | 'library'
  | 'mails'
  | 'prose'
  | 'coding-agent';

const table = readFileSync(new URL('packages.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n');

/** The packages for some use; `packages.txt` has one a line: use, registry, name, version, hash. */
export function packagesFor(...uses: readonly Use[]): readonly Pin[] {
  return table.flatMap((line) => {
    const [use, from, name, version, sha256] = line.split(/\s+/) as [
      Use,
      Pin['from'],
      string,
      string,
      string,
    ];
    return uses.includes(use) ? { from, name, version, sha256 } : [];
  });
}

/** A Go module with samples of secrets, and of what is none. */
export const GITLEAKS = {
  path: 'github.com/zricethezav/gitleaks/v8',
  version: 'v8.30.1',
  sum: 'h1:PmEvCfVI7ti9dV3s5aMZUY7sS2GxRvG3yzih7E+cS3w=',
};
