/** What is wrong or to be known, and where. */
export type Finding = {
  readonly file: string;
  /** From 1; 0 for the file as a whole. */
  readonly line: number;
  readonly message: string;
};

export type Place = Pick<Finding, 'file' | 'line'>;

/** What was found, as much of it as anybody reads. */
export type Findings = {
  readonly problems: readonly Finding[];
  /** More problems than are listed. */
  more(): number;
  /** What is no problem of the chain: rows that the bridge itself says were lost, half a line at the end. */
  readonly notes: readonly Finding[];
  report(place: Place, message: string): void;
  note(place: Place, message: string): void;
};

const MAX_LISTED = 100;

export function createFindings(): Findings {
  const problems: Finding[] = [];
  const notes: Finding[] = [];
  let more = 0;
  return {
    problems,
    notes,
    more: () => more,
    report(place, message) {
      if (problems.length < MAX_LISTED) problems.push({ ...place, message });
      else more++;
    },
    note(place, message) {
      if (notes.length < MAX_LISTED) notes.push({ ...place, message });
    },
  };
}
