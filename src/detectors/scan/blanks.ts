import type { AST } from '@eslint-community/regexpp';

/** Blanks and line ends that count as one: more than an indentation has. */
const RUN = '\\s{1,16}';
const BLANK = 0x20;

/**
 * The source of a pattern in which each blank also stands for several blanks and line ends, as texts are wrapped: `a b`, `a\sb` and
 * `a[ -]b`. Those that the pattern counts itself, and those at its ends, stay what they are.
 */
export function withWideBlanks({ alternatives }: AST.Pattern): string {
  const all = (some: readonly AST.Alternative[], isWhole = false): string =>
    some
      .map(({ elements }) =>
        elements.map((node, i) => ofElement(node, isWhole && isAtEnd(i, elements))).join(''),
      )
      .join('|');

  function ofElement(node: AST.Element | AST.QuantifiableElement, isAtEnd: boolean): string {
    switch (node.type) {
      case 'Group':
        return `(?${node.modifiers?.raw ?? ''}:${all(node.alternatives)})`;
      case 'CapturingGroup':
        return `(${node.name === null ? '' : `?<${node.name}>`}${all(node.alternatives)})`;
      case 'Quantifier': {
        const counts = node.raw.slice(node.element.raw.length);
        if (node.max === 1) return `(?:${ofElement(node.element, isAtEnd)})${counts}`;
        const isOne = node.element.type === 'CharacterClass' || node.element.type === 'CharacterSet';
        if (isOne) return node.raw;
        if (isBlank(node.element)) return isAtEnd ? node.raw : `\\s${counts}`;
        return ofElement(node.element, isAtEnd) + counts;
      }
      case 'CharacterSet':
      case 'Character':
        return isBlank(node) && !isAtEnd ? RUN : node.raw;
      case 'CharacterClass':
        return !node.negate && !isAtEnd && node.elements.some(isBlank) ? `(?:${node.raw}|${RUN})` : node.raw;
      default:
        return node.raw;
    }
  }

  return all(alternatives, true);
}

const isAtEnd = (i: number, elements: readonly unknown[]) => i === 0 || i === elements.length - 1;

function isBlank(node: AST.Node): boolean {
  if (node.type === 'CharacterSet') return node.kind === 'space' && !node.negate;
  return node.type === 'Character' && node.value === BLANK;
}
