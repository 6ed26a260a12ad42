/** One line of Prometheus' text format. */
export type PromSample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

/** A metric of Prometheus' text format, with all its lines. */
export type PromMetric = {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: PromSample[];
};

const NAME = /^[a-zA-Z_:][\w:]*/;
const LABEL = /\s*([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"\s*,?/y;

/**
 * Reads what prom-client writes. A line that cannot be read is left out, as is a value that is no number.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function readPromText(text: string): readonly PromMetric[] {
  const metrics = new Map<string, PromMetric>();
  let help = '';
  let current: PromMetric | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('# HELP ')) help = unescaped(line.slice(line.indexOf(' ', 7) + 1));
    else if (line.startsWith('# TYPE ')) {
      const [, , name = '', type = ''] = line.split(' ');
      current = metrics.get(name) ?? { name, type, help, samples: [] };
      metrics.set(name, current);
    } else if (line !== '' && line[0] !== '#') {
      const sample = readSample(line);
      if (sample !== undefined) current?.samples.push(sample);
    }
  }
  return [...metrics.values()];
}

function readSample(line: string): PromSample | undefined {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) return undefined;
  const labels: Record<string, string> = {};
  let place = name.length;
  if (line[place] === '{') {
    LABEL.lastIndex = place + 1;
    place++;
    for (let found = LABEL.exec(line); found !== null; found = LABEL.exec(line)) {
      labels[found[1]!] = unescaped(found[2]!);
      place = LABEL.lastIndex;
    }
    place = line.indexOf('}', place) + 1;
  }
  const value = numberOf(line.slice(place).trim().split(' ')[0] ?? '');
  return value === undefined ? undefined : { name, labels, value };
}

function numberOf(text: string): number | undefined {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY;
  const value = Number(text === '-Inf' ? '-Infinity' : text);
  return Number.isNaN(value) ? undefined : value;
}

const unescaped = (text: string) =>
  text.includes('\\') ? text.replace(/\\(.)/g, (_, sign) => (sign === 'n' ? '\n' : sign)) : text;
