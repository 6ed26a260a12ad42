import { callNameIn, callStory } from '../answers/call-story.ts';
import { type DecisionsPlace, withDecisions } from '../answers/decisions-place.ts';
import { withOutbox } from '../answers/outbox-place.ts';
import { whyFacts } from '../answers/why-facts.ts';
import type { Config } from '../config/config.ts';
import type { DecisionFilter } from '../decisions/filter.ts';
import { NoDecisionsError } from '../decisions/local-decisions.ts';
import type { KeptDecision } from '../decisions/row.ts';
import { NoOutboxError } from '../outbox/embedded-admin.ts';
import type { ShownBacklog, ShownCounts, Story } from './page-source.ts';

/** A backlog as the outbox has it, before it is known why delivery is stopped. */
export type StoredBacklog = Omit<ShownBacklog, 'reason'>;

const DAY_MS = 86_400_000;
/** Time for one reading of the decisions of days; what is older is left out. */
const READING_MS = 5000;

/** Answers about what is kept on this machine or in the database. It only reads, each time with connections of its own. */
export function keptAnswers({ policies: { env }, decisions }: Config) {
  /** Undefined where none are kept; `none` where there are none yet. */
  const kept = async <Answer>(
    look: (place: DecisionsPlace) => Promise<Answer>,
    none: Answer,
  ): Promise<Answer | undefined> => {
    if (decisions === undefined) return undefined;
    try {
      return await withDecisions(env, () => {}, look);
    } catch (error) {
      if (error instanceof Error && isMissing(error.cause)) return none;
      throw error;
    }
  };
  const deadline = () => {
    const endsAt = performance.now() + READING_MS;
    return () => performance.now() > endsAt;
  };
  return {
    list: (filter: DecisionFilter, limit: number) =>
      kept<readonly KeptDecision[]>(({ reader }) => reader.list({ ...filter, limit }), []),
    counts: (days: number) => {
      const since = Date.now() - days * DAY_MS;
      return kept<ShownCounts>(
        async ({ reader }) => ({ ...(await reader.counts(since, deadline())), at: Date.now() }),
        { decisions: 0, wouldBlock: [], tops: { policy: [], rule: [], team: [] }, at: Date.now() },
      );
    },
    story: (word: string): Promise<Story | undefined> => {
      const name = callNameIn(word);
      return kept(async ({ reader }) => {
        const now = Date.now();
        const told = name === undefined ? undefined : await callStory(reader, name, env, now);
        return told && { about: told.about, others: told.others, ...whyFacts(told, now) };
      }, undefined);
    },
    /** Undefined where no records are kept yet. */
    backlogs: async (): Promise<readonly StoredBacklog[] | undefined> => {
      const found: StoredBacklog[] = [];
      try {
        await withOutbox(env, { access: 'read' }, async ({ admin }) => {
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
