/** Told of each anchor found: its number, and where it begins. */
type Visit = (anchor: number, at: number) => void;

export type Automaton = {
  /**
   * Finds all anchors that begin in a range, in one pass.
   *
   * @returns how many of the last characters before `end` could be the beginning of an anchor
   */
  run(text: string, from: number, end: number, visit: Visit): number;
};

/**
 * An automaton after Aho and Corasick over UTF-16 units that ignores capitals: one pass finds any number of literals, at
 * several times the speed of a loop over as many expressions. The packages on npm are five to seven times slower.
 *
 * @param anchors literals in lower case
 */
export function createAutomaton(anchors: readonly string[]): Automaton {
  const { next, classOf, shift, firstFound, found, depth } = build(anchors);
  const longest = Math.max(1, ...anchors.map(({ length }) => length));

  return {
    run(text, from, end, visit) {
      const limit = Math.min(text.length, end + longest - 1);
      let state = 0;
      for (let i = from; i < limit; i++) {
        state = next[(state << shift) | classOf[text.charCodeAt(i)]!]!;
        if (state < firstFound) continue;
        for (const anchor of found[state - firstFound]!) {
          const at = i + 1 - anchors[anchor]!.length;
          if (at < end) visit(anchor, at);
        }
      }
      return depth[state]!;
    },
  };
}

/** One state while the automaton is built: the literals share their beginnings. */
type Node = { readonly children: Map<number, Node>; readonly depth: number; found: number[]; fail: Node };

/** The states as one table, those that find something last, so that one comparison tells them. */
function build(anchors: readonly string[]) {
  const { classOf, count } = classesOf(anchors);
  const shift = Math.ceil(Math.log2(count));
  const nodes = nodesOf(anchors, classOf);
  const root = nodes[0]!;
  const order = [
    ...nodes.filter(({ found }) => found.length === 0),
    ...nodes.filter(({ found }) => found.length > 0),
  ];
  const numbers = new Map(order.map((node, number) => [node, number]));
  const next = new (order.length < 65_536 ? Uint16Array : Uint32Array)(order.length << shift);
  // Breadth first: the row of a shorter suffix is ready when it is copied
  for (const node of nodes) {
    const row = numbers.get(node)! << shift;
    if (node !== root)
      next.copyWithin(row, numbers.get(node.fail)! << shift, (numbers.get(node.fail)! + 1) << shift);
    for (const [unit, child] of node.children) next[row | unit] = numbers.get(child)!;
  }
  const firstFound = order.findIndex(({ found }) => found.length > 0);
  return {
    next,
    classOf,
    shift,
    firstFound: firstFound < 0 ? order.length : firstFound,
    found: firstFound < 0 ? [] : order.slice(firstFound).map(({ found }) => found),
    depth: Uint16Array.from(order, ({ depth }) => depth),
  };
}

/** All states in breadth-first order, each with its longest proper suffix that is a state too. */
function nodesOf(anchors: readonly string[], classOf: ArrayLike<number>): readonly Node[] {
  const root = newNode(0);
  root.fail = root;
  anchors.forEach((anchor, number) => {
    let node = root;
    for (let i = 0; i < anchor.length; i++) {
      const unit = classOf[anchor.charCodeAt(i)]!;
      let child = node.children.get(unit);
      if (child === undefined) {
        child = newNode(node.depth + 1);
        node.children.set(unit, child);
      }
      node = child;
    }
    node.found.push(number);
  });
  const nodes = [root];
  for (const node of nodes) {
    for (const [unit, child] of node.children) {
      let fail = node.fail;
      while (fail !== root && !fail.children.has(unit)) fail = fail.fail;
      const suffix = fail.children.get(unit);
      child.fail = suffix === undefined || suffix === child ? root : suffix;
      child.found = [...child.found, ...child.fail.found];
      nodes.push(child);
    }
  }
  return nodes;
}

function newNode(depth: number): Node {
  const node = { children: new Map(), depth, found: [] } as unknown as Node;
  node.fail = node;
  return node;
}

/** Units that stand in no anchor are all alike: class 0. */
function classesOf(anchors: readonly string[]) {
  const own = new Map<number, number>();
  for (const anchor of anchors) {
    for (let i = 0; i < anchor.length; i++) {
      const unit = anchor.charCodeAt(i);
      if (!own.has(unit)) own.set(unit, own.size + 1);
    }
  }
  const classOf = new (own.size < 255 ? Uint8Array : Uint16Array)(65_536);
  const folded = foldings();
  for (let unit = 0; unit < 65_536; unit++) classOf[unit] = own.get(folded[unit]!) ?? 0;
  return { classOf, count: own.size + 1 };
}

let table: Uint16Array | undefined;

/** The small letter of each unit, where that is one unit too. */
function foldings(): Uint16Array {
  table ??= Uint16Array.from({ length: 65_536 }, (_, unit) => {
    const lower = String.fromCharCode(unit).toLowerCase();
    return lower.length === 1 ? lower.charCodeAt(0) : unit;
  });
  return table;
}

/** A literal as an anchor: each unit as its small letter. */
export function folded(literal: string): string {
  const lower = foldings();
  return Array.from({ length: literal.length }, (_, i) =>
    String.fromCharCode(lower[literal.charCodeAt(i)]!),
  ).join('');
}
