import { ENTITIES, type Entity } from '../../detectors/personal/index.ts';
import { didYouMean, nearest } from '../file/nearest.ts';
import type { CreateContext } from '../policy.ts';

export type EntityOptions = {
  /** Names as in the file; undefined for no list. */
  readonly names: readonly string[] | undefined;
  readonly healthcare: boolean;
  /** Undefined where the file does not say. */
  readonly pci: boolean | undefined;
};

const byName = new Map(
  ENTITIES.flatMap((entity) => [entity.name, ...entity.aliases].map((name) => [name, entity] as const)),
);

/** The entity of a name, its own or another one people write for it; capitals and hyphens do not matter. */
export function entityOf(name: string): Entity | undefined {
  return byName.get(name.toUpperCase().replaceAll('-', '_'));
}

/** What a misspelt name of an entity was probably meant to be, as the end of a message. */
export const meantEntity = (name: string, others: Iterable<string> = []) =>
  didYouMean(name, [...byName.keys(), ...others]);

/**
 * Which personal data is looked for: what a list names and what a mode adds. Without a list all that needs no mode, and
 * cards.
 */
export function chosenEntities(
  { names, healthcare, pci }: EntityOptions,
  context: CreateContext,
): readonly Entity[] {
  const listed = new Set<Entity>();
  const elsewhere: string[] = [];
  for (const [index, name] of (names ?? []).entries()) {
    const entity = entityOf(name);
    if (entity !== undefined) listed.add(entity);
    else if (nearest(name, byName.keys()) !== undefined) {
      context.fail(`entities[${index}]`, `is no entity that is known here${meantEntity(name)}`);
    } else elsewhere.push(name);
  }
  if (elsewhere.length > 0) {
    context.warn(
      'entities',
      `${elsewhere.join(', ')}: not found here, which takes a model; add a backend such as Presidio`,
    );
  }
  return ENTITIES.filter((entity) => {
    if (listed.has(entity)) return true;
    if (entity.mode === 'healthcare') return healthcare;
    if (entity.mode === 'pci') return pci ?? names === undefined;
    return names === undefined;
  });
}
