import { callNameIn, callStory } from '../answers/call-story.ts';
import { type DecisionsPlace, withDecisions } from '../answers/decisions-place.ts';
import { withOutbox } from '../answers/outbox-place.ts';
import { whyFacts } from '../answers/why-facts.ts';
import type { Config } from '../config/config.ts';
import type { DecisionFilter } from '../decisions/filter.ts';
import { NoDecisionsError } from '../decisions/local-decisions.ts';
import type { BoundedReading } from '../decisions/reader.ts';
import { NoOutboxError } from '../outbox/embedded-admin.ts';
import type { Gaps, KeptList, ShownBacklog, ShownCounts, Story } from './page-source.ts';

/** A backlog as the outbox has it, before it is known why delivery is stopped. */
export type StoredBacklog = Omit<ShownBacklog, 'reason'>;

const DAY_MS = 86_400_000;
/** Time for one reading of decisions; older ones are left out. A page waits for 5 seconds, and for a list with the question before it. */
const COUNTING_MS = 5000;
const LISTING_MS = 2500;
/** Of one look into the outbox that replicas share. */
const STATEMENT_MS = 10_000;

/** Answers about what is kept on this machine or in the database. It only reads, each time with connections of its own. */
export function keptAnswers({ policies: { env }, decisions }: Config) {
  /** Undefined where none are kept; `none` where there are none yet. */
  const kept = async <Answer>(
    look: (place: DecisionsPlace, gaps: Pick<Gaps, 'partial'>) => Promise<Answer>,
    none: Answer,
  ): Promise<Answer | undefined> => {
    if (decisions === undefined) return undefined;
    let gaps: Pick<Gaps, 'partial'> = {};
    const warn = (partial: string) => {
      gaps = { partial };
    };
    try {
      return await withDecisions(env, warn, (place) => look(place, gaps));
    } catch (error) {
      if (error instanceof Error && isMissing(error.cause)) return none;
      throw error;
    }
  };
  const readingOf = (ms: number): BoundedReading => {
    const endsAt = performance.now() + ms;
    return { isOver: () => performance.now() > endsAt };
  };
  return {
    list: (filter: DecisionFilter, limit: number) =>
      kept<KeptList>(
        async ({ reader }, gaps) => {
          const reading = readingOf(LISTING_MS);
          const rows = await reader.list({ ...filter, limit }, reading);
          return { rows, ...gaps, ...(reading.since !== undefined && { since: reading.since }) };
        },
        { rows: [] },
      ),
    counts: (days: number) => {
      const since = Date.now() - days * DAY_MS;
      return kept<ShownCounts>(
        async ({ reader }, gaps) => ({
          ...(await reader.counts(since, readingOf(COUNTING_MS))),
          ...{ ...gaps, at: Date.now() },
        }),
        { decisions: 0, wouldBlock: [], tops: { policy: [], rule: [], team: [] }, at: Date.now() },
      );
    },
    story: (word: string): Promise<Story | undefined> =>
      kept<Story | undefined>(async ({ reader }) => {
        const now = Date.now();
        // A client can choose any id
        for (const name of new Set([callNameIn(word) ?? word, word])) {
          const told = await callStory(reader, name, env, now);
          if (told) return { about: told.about, others: told.others, ...whyFacts(told, now) };
        }
        return undefined;
      }, undefined),
    /** Undefined where no records are kept yet. */
    backlogs: async (): Promise<readonly StoredBacklog[] | undefined> => {
      const found: StoredBacklog[] = [];
      try {
        await withOutbox(env, { access: 'read', statementMs: STATEMENT_MS }, async ({ admin }) => {
          const prospects = new Map((await admin.prospects()).map((one) => [one.backend, one]));
          for (const { backend, due, waiting, dead, oldestAt } of await admin.backlogs(Date.now())) {
            const { nextTryAt, deadBy = {} } = prospects.get(backend) ?? {};
            found.push({
              ...{ backend, due: due + waiting, dead, deadBy },
              ...{ oldestAt: oldestAt ?? null, nextTryAt: nextTryAt ?? null },
            });
          }
        });
      } catch (error) {
        if (
          error instanceof Error &&
          error.cause instanceof NoOutboxError &&
          error.cause.message === 'missing'
        )
          return undefined;
        throw error;
      }
      return found;
    },
  };
}

const isMissing = (cause: unknown) => cause instanceof NoDecisionsError && cause.message === 'missing';
