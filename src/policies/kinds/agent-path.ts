import { posix } from 'node:path';
import { deeplyUnescaped } from '../../detectors/normalize/path-escapes.ts';

const DOTS = '(?:\\.\\.|\u2025)';
/** `..` as a step of a path; a word that ends in two dots (`wait..`) and an ellipsis are none. */
const TRAVERSAL = new RegExp(
  [
    `(?<![.\\w])${DOTS};?[/\\\\]`,
    `[/\\\\]${DOTS}(?![.\\w])`,
    `(?:^|["'\\n])${DOTS}(?:["'\\n]|$)`,
    `\\bcd\\s{1,8}${DOTS}`,
    // becomes ../ where a careless filter takes ../ out
    '\\.{4}[/\\\\]{2}',
  ].join('|'),
);

/** True if a text, once {@link deeplyUnescaped}, leaves a directory by `..`. */
export function hasTraversal(plain: string): boolean {
  return TRAVERSAL.test(plain);
}

const PATH_NAME = /^(?:paths?|files?|filename|filepath|dirs?|directory|folder|cwd|src|dst)$/;
const MAYBE_PATH_NAME = /path|file|dir|folder|cwd|src|dst/i;
const PATH_TEXT = /^(?:\/(?![\s/*])|~|\$|\\\\|file:|[A-Za-z]:[\\/]|\.{1,2}[\\/])/;
const MAX_PATH = 4096;

/**
 * Tells if a value of a tool's arguments is a path outside of some directories. Paths are the values of arguments with such
 * a name (`path`, `file_path`, `cwd`), and lines that begin as only paths do.
 *
 * @param directories absolute, or `.` for everything relative that does not leave it
 */
export function pathRule(directories: readonly string[]): (name: string, text: string) => boolean {
  const roots = directories.map((directory) => clean(directory.replace(/\/\*{1,2}$/, '')));
  return (name, text) => {
    if (text === '') return false;
    const isNamed = isPathName(name);
    if (text.length > MAX_PATH) return isNamed;
    const plain = deeplyUnescaped(text).trim();
    if (!isNamed && (!PATH_TEXT.test(plain) || plain.includes('\n'))) return false;
    const path = clean(plain);
    return !roots.some((root) =>
      root === '.' ? isBelow(path) : path === root || path.startsWith(asParent(root)),
    );
  };
}

/** True for the name of an argument that is a path. */
export function isPathName(name: string): boolean {
  // A tool can have thousands of arguments
  return MAYBE_PATH_NAME.test(name) && nameWords(name).some((word) => PATH_NAME.test(word));
}

/** The words of an argument's name: `file_path`, `filePath` and `file-path` are the same two. */
export function nameWords(name: string): string[] {
  return name
    .slice(0, 128)
    .replace(/([a-z0-9])(?=[A-Z])/g, '$1_')
    .toLowerCase()
    .split(/[^a-z0-9]/);
}

const clean = (path: string) => {
  const normal = posix.normalize(
    path.replace(/^file:(?:\/\/(?:localhost)?(?=\/))?/i, '').replaceAll('\\', '/'),
  );
  return normal.length > 1 ? normal.replace(/\/$/, '') : normal;
};
const asParent = (root: string) => (root.endsWith('/') ? root : `${root}/`);
const isBelow = (path: string) => !/^(?:\/|~|\$|%|[A-Za-z]:|\.\.(?:\/|$))/.test(path);
