import type { BridgeFinding } from '../findings/finding.ts';

/** The things that the doctor looks at, in the order in which it tells of them. */
export const SECTIONS = ['settings', 'litellm', 'bridge', 'proxy', 'backends', 'database'] as const;
export type Section = (typeof SECTIONS)[number];

/** One thing that was looked at. */
export type Look = {
  readonly section: Section;
  readonly ok: boolean;
  /** A line for people, times included. */
  readonly text: string;
  /** Milliseconds that the whole of it took; left out where nothing was asked. */
  readonly ms?: number;
};

/** The outcome of looking at one thing or more. */
export type Examined = { readonly checks: readonly Look[]; readonly findings: readonly BridgeFinding[] };

/** The outcome of several looks as one. */
export function together(all: readonly Examined[]): Examined {
  return {
    checks: all.flatMap(({ checks }) => checks),
    findings: all.flatMap(({ findings }) => findings),
  };
}
