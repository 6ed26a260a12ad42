import {
  type Alias,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { MAX_INNER_DEPTH } from '../../guardrail/json.ts';
import { type FileMessages, type Path, pathText } from './problems.ts';

/** A YAML or JSON text as plain values that know their lines. */
export type PolicyDocument = {
  readonly value: unknown;
  /** Line of a key or an entry, from 1; for a missing one that of the nearest thing around it. */
  lineOf(path: Path): number;
  /** A number, `true`, `false` or `null` as it is written; undefined for anything else. */
  written(path: Path): string | undefined;
  /** Keys that stand twice in one mapping, where that is no mistake; the last one counts. */
  readonly repeated: readonly RepeatedKey[];
};

type RepeatedKey = { readonly path: Path; readonly line: number; readonly firstLine: number };

/** `PyYAML`: as Python reads it, `on` is true, and of keys that stand twice the last one counts. */
export type YamlDialect = '1.2' | 'PyYAML';

/** The size limit of a Kubernetes ConfigMap. */
const MAX_CHARS = 1024 * 1024;
/** Most values after aliases are unfolded. */
const MAX_VALUES = 200_000;

/** Where a value stands, and the values within it. */
type Marks = {
  readonly line: number;
  readonly inside: Map<string | number, Marks>;
  written?: string | undefined;
};

/**
 * Reads one YAML document; JSON is YAML. Anchors, aliases and `<<` work within bounds. Returns nothing once a mistake was
 * added to `problems`.
 */
export function readDocument(
  text: string,
  problems: FileMessages,
  dialect: YamlDialect = '1.2',
): PolicyDocument | undefined {
  if (text.length > MAX_CHARS) {
    problems.add(undefined, '', `is larger than ${MAX_CHARS / 1024} KB`);
    return undefined;
  }
  const lines = new LineCounter();
  const lineAt = (offset: number) => lines.linePos(offset).line || 1;
  let parsed: Document.Parsed;
  try {
    parsed = parseDocument(text, {
      lineCounter: lines,
      logLevel: 'error',
      prettyErrors: false,
      // Its own search for them compares every key with every other
      uniqueKeys: false,
      version: dialect === 'PyYAML' ? '1.1' : '1.2',
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problems.add(undefined, '', syntaxMessage('RESOURCE_EXHAUSTION'));
    return undefined;
  }
  for (const { code, pos } of [...parsed.errors, ...parsed.warnings]) {
    problems.add(lineAt(pos[0]), '', syntaxMessage(code));
  }
  if (!problems.isEmpty) return undefined;
  const repeated: RepeatedKey[] = [];
  const onRepeated = (key: RepeatedKey) => {
    if (dialect === 'PyYAML') repeated.push(key);
    else problems.add(key.line, pathText(key.path), `stands twice, first in line ${key.firstLine}`);
  };
  const reader = createReader(problems, (node) => lineAt(node.range?.[0] ?? 0), onRepeated);
  const marks: Marks = { line: 1, inside: new Map() };
  const value = reader(parsed.contents, [], marks);
  if (!problems.isEmpty) return undefined;
  return {
    value,
    lineOf(path) {
      let at = marks;
      for (const step of path) {
        const next = at.inside.get(step);
        if (next === undefined) break;
        at = next;
      }
      return at.line;
    },
    repeated,
    written: (path) => path.reduce<Marks | undefined>((at, step) => at?.inside.get(step), marks)?.written,
  };
}

/** Makes plain values of nodes, and marks where each of them stands. */
function createReader(
  problems: FileMessages,
  lineOf: (node: Node) => number,
  onRepeated: (key: RepeatedKey) => void,
) {
  const anchors = new Map<string, Node>();
  let left = MAX_VALUES;

  function read(node: Node | null, path: Path, marks: Marks): unknown {
    if (node === null) return null;
    if (left-- <= 0) {
      if (left === -1) problems.add(lineOf(node), pathText(path.slice(0, 3)), 'unfolds to too much');
      return null;
    }
    if (path.length > MAX_INNER_DEPTH) {
      problems.add(
        lineOf(node),
        pathText(path.slice(0, 3)),
        `is nested more than ${MAX_INNER_DEPTH} levels deep`,
      );
      left = 0;
      return null;
    }
    if (isAlias(node)) return read(target(node, path), path, marks);
    if (node.anchor !== undefined) anchors.set(node.anchor, node);
    if (isMap(node)) return map(node, path, marks);
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        const inside: Marks = { line: lineOf(item as Node), inside: new Map() };
        marks.inside.set(index, inside);
        return read(item as Node, [...path, index], inside);
      });
    }
    if (!isScalar(node)) return null;
    if (typeof node.value !== 'string') marks.written = node.source;
    return node.value;
  }

  function target(alias: Alias, path: Path): Node | null {
    const node = anchors.get(alias.source);
    if (node === undefined) problems.add(lineOf(alias), pathText(path), 'an alias stands before its anchor');
    return node ?? null;
  }

  function map(node: YAMLMap, path: Path, marks: Marks): Record<string, unknown> {
    const values = new Map<string, unknown>();
    const merged: [string, unknown][] = [];
    for (const { key, value } of node.items as Pair<Node, Node | null>[]) {
      if (!isScalar(key) || typeof key.value === 'object' || key.value === '__proto__') {
        problems.add(lineOf(key ?? node), pathText(path), 'a key must be a text');
        continue;
      }
      // YAML 1.1 has a symbol for it
      const name = typeof key.value === 'symbol' ? '<<' : String(key.value);
      const line = lineOf(key);
      if (name === '<<') merged.push(...mergedOf(value, path, marks));
      else {
        if (values.has(name)) {
          onRepeated({ path: [...path, name], line, firstLine: marks.inside.get(name)?.line ?? line });
        }
        const inside: Marks = { line, inside: new Map() };
        marks.inside.set(name, inside);
        values.set(name, read(value, [...path, name], inside));
      }
    }
    return Object.fromEntries([...merged, ...values]);
  }

  /** The entries that `<<` brings in: of a mapping, or of a list of them of which the first wins. */
  function mergedOf(value: Node | null, path: Path, marks: Marks): [string, unknown][] {
    const found = value !== null && isAlias(value) ? target(value, path) : value;
    const sources = isSeq(found) ? (found.items as Node[]) : [found];
    return sources.toReversed().flatMap((source) => {
      const inside: Marks = { line: marks.line, inside: new Map() };
      const values = source === null ? null : read(source, path, inside);
      if (typeof values !== 'object' || values === null || Array.isArray(values)) {
        problems.add(source === null ? marks.line : lineOf(source), pathText(path), '<< takes a mapping');
        return [];
      }
      for (const [name, mark] of inside.inside) if (!marks.inside.has(name)) marks.inside.set(name, mark);
      return Object.entries(values);
    });
  }
  return read;
}

/** In plain words, and without the piece of the file that the parser's own messages quote. */
const MESSAGES: Readonly<Partial<Record<ErrorCode, string>>> = {
  BAD_ALIAS: 'an alias is not written as one',
  BAD_DIRECTIVE: 'a line that begins with % is a directive, and this one is not known',
  BAD_DQ_ESCAPE:
    'a backslash in double quotes begins an escape, and this one is not known; use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines around it',
  BAD_SCALAR_START: 'a value that begins with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second key on the same line; begin a new line, or put the value into quotes',
  BLOCK_IN_FLOW: 'within [ ] or { } only values separated by commas',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'a quote, bracket, colon or comma is missing, here or above',
  MULTILINE_IMPLICIT_KEY: 'a key goes on over the end of its line; is a colon missing?',
  MULTIPLE_DOCS: 'a second document begins here; one file holds one',
  RESOURCE_EXHAUSTION: 'is nested too deep',
  TAB_AS_INDENT: 'is indented by a tab; use spaces',
  TAG_RESOLVE_FAILED: 'a tag (!…) has no meaning here; put the value into quotes',
  UNEXPECTED_TOKEN: 'something stands here that does not belong; is a quote or an indentation wrong?',
};

/** The message about an error of the YAML parser. */
function syntaxMessage(code: ErrorCode): string {
  return `is no valid YAML: ${MESSAGES[code] ?? 'this cannot be read'}`;
}
