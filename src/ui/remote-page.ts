import type { PageSource } from './page-source.ts';

/** A question of the page to the process that can answer it. */
export type PageQuestion = {
  [Name in keyof PageSource]: { readonly name: Name; readonly args: Parameters<PageSource[Name]> };
}[keyof PageSource];

/** Its answer, or in words why there is none. */
export type PageAnswer = { readonly answer: unknown } | { readonly problem: string };

/** Longest that the page waits: a little more than the answer may take. */
const ANSWER_MS = 30_000;

/**
 * Asks another process for all that the page shows.
 *
 * @param ask undefined if there is no answer in time
 */
export function remotePage(
  ask: (question: PageQuestion, ms: number) => Promise<PageAnswer | undefined>,
): PageSource {
  const asked =
    <Name extends keyof PageSource>(name: Name) =>
    async (...args: Parameters<PageSource[Name]>): Promise<never> => {
      const told = await ask({ name, args } as PageQuestion, ANSWER_MS);
      if (told === undefined) throw new Error('the process that knows it did not answer in time; try again');
      if ('problem' in told) throw new Error(told.problem);
      return told.answer as never;
    };
  return {
    picture: asked('picture'),
    decisions: asked('decisions'),
    list: asked('list'),
    counts: asked('counts'),
    story: asked('story'),
    judge: asked('judge'),
    lint: asked('lint'),
    policyText: asked('policyText'),
    settings: asked('settings'),
  };
}

/** Answers {@link remotePage}. Never rejects: errors of a page source are in plain words. */
export async function answerTo(source: PageSource, { name, args }: PageQuestion): Promise<PageAnswer> {
  try {
    const ask = source[name] as (...args: readonly unknown[]) => Promise<unknown>;
    return { answer: await ask.call(source, ...args) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
