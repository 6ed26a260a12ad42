/** The place of a value in a document: keys and positions in lists. */
export type Path = readonly (string | number)[];

/** Thrown for a policy file that cannot be used: every mistake in it, in the order of the lines. */
export class PolicyFileError extends Error {
  override readonly name = 'PolicyFileError';
  /** `line 12: policy.secrets.actoin: is not known; did you mean action?` Of the file's content only words and numbers are quoted. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The policy file cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** More are not read by anybody. */
const MAX_NOTES = 100;

type Note = { readonly line: number | undefined; readonly text: string };

/** Mistakes of a file or remarks about it, with their places. */
export type Notes = {
  /** @param line 1 for the first; undefined where the whole file is meant */
  add(line: number | undefined, key: string, message: string): void;
  readonly isEmpty: boolean;
  /** By line, at most a hundred, none twice. */
  list(): string[];
};

export function createNotes(): Notes {
  const notes: Note[] = [];
  let count = 0;
  return {
    add(line, key, message) {
      count++;
      if (notes.length >= MAX_NOTES) return;
      const where = line === undefined ? '' : `line ${line}: `;
      notes.push({ line, text: `${where}${key === '' ? '' : `${key}: `}${message}` });
    },
    get isEmpty() {
      return count === 0;
    },
    list() {
      const sorted = notes.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)).map(({ text }) => text);
      const more = count > notes.length ? [`and ${count - notes.length} more`] : [];
      return [...new Set(sorted), ...more];
    },
  };
}

/** A path as it is written in a message: `policy.rbac.roles[0].name`. Odd keys are quoted and long ones cut. */
export function keyOf(path: Path): string {
  return path.reduce<string>((key, step) => {
    if (typeof step === 'number') return `${key}[${step}]`;
    const name = /^[\w.*@/-]{1,64}$/.test(step) ? step : JSON.stringify(step.slice(0, 64));
    return key === '' ? name : `${key}.${name}`;
  }, '');
}
