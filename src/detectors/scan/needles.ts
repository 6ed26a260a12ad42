import type { AST } from '@eslint-community/regexpp';

/** Shorter ones are in every text. */
const LEAST = 2;

/**
 * An expression for literals of which at least one stands in every match of a pattern, in any capitals: a text without
 * them need not be searched. Undefined if the pattern has none.
 */
export function needlesOf(pattern: AST.Pattern): RegExp | undefined {
  const needles = ofAll(pattern.alternatives);
  if (needles === undefined) return undefined;
  return new RegExp(needles.map((needle) => needle.replace(/[.*+?^$|/\\()[\]{}]/g, '\\$&')).join('|'), 'iu');
}

function ofAll(alternatives: readonly AST.Alternative[]): readonly string[] | undefined {
  const all: string[] = [];
  for (const { elements } of alternatives) {
    const needles = ofSequence(elements);
    if (needles === undefined) return undefined;
    all.push(...needles);
  }
  return all;
}

/** Picks the element of a sequence whose shortest needle is longest. */
function ofSequence(elements: readonly AST.Element[]): readonly string[] | undefined {
  let best: readonly string[] | undefined;
  let run = '';
  const offer = (needles: readonly string[] | undefined) => {
    if (needles !== undefined && shortest(needles) >= LEAST && shortest(needles) > shortest(best ?? [''])) {
      best = needles;
    }
  };
  for (const element of elements) {
    if (element.type === 'Character') {
      run += String.fromCodePoint(element.value);
      continue;
    }
    offer([run]);
    run = '';
    offer(ofElement(element));
  }
  offer([run]);
  return best;
}

function ofElement(element: AST.Element): readonly string[] | undefined {
  switch (element.type) {
    case 'Group':
    case 'CapturingGroup':
      return ofAll(element.alternatives);
    case 'Quantifier':
      return element.min > 0 ? ofElement(element.element) : undefined;
    default:
      return undefined;
  }
}

function shortest(needles: readonly string[]): number {
  return Math.min(...needles.map(({ length }) => length));
}
