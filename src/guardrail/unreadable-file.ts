import { isAbsolute, resolve } from 'node:path';

/**
 * Why a file cannot be read, with the path that was meant: `cannot be read (ENOENT): there is no /srv/policy.yaml, as relative
 * paths begin in the working directory`.
 *
 * @param folder in which relative paths begin, and its name
 */
export function unreadable(
  path: string,
  error: unknown,
  { folder, name }: { readonly folder: string; readonly name: string } = WORKING,
): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? 'no file';
  const whole = resolve(folder, path);
  switch (code) {
    case 'ENOENT':
      return `cannot be read (${code}): there is no ${whole}${isAbsolute(path) ? '' : `, as relative paths begin in ${name}`}`;
    case 'EISDIR':
      return `cannot be read (${code}): ${whole} is a folder`;
    case 'EACCES':
    case 'EPERM':
      return `cannot be read (${code}): this user may not read ${whole}`;
    default:
      return `cannot be read (${code}): ${whole}`;
  }
}

const WORKING = { folder: '.', name: 'the working directory' };
