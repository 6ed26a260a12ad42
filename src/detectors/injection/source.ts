/** A rule as it is written down. Its pattern begins at the anchor; capitals are ignored. */
export type InjectionSource = {
  readonly id: string;
  /** How sure it is that this is an attack, 0 to 1. */
  readonly weight: number;
  readonly anchors: readonly string[];
  readonly pattern: string;
  /** What must also stand in a match. */
  readonly needs?: RegExp;
  /** Opening of what the pattern closes: where that stands before it, within {@link LOOK_BACK} units, there is no match. */
  readonly closes?: RegExp;
  /** Whether a "not" before it makes it no mention. */
  readonly isMeantDenied?: boolean;
};

/** How far an opening is looked for, in UTF-16 units. */
export const LOOK_BACK = 600;
