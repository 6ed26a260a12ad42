import type { Gauge, Registry } from 'prom-client';

/** Label values of one series, by label name. */
type Labels<K extends string> = Readonly<Record<K, string>>;

/** Values that each label can have; a metric starts with every combination at zero, and other values are added as they come. */
type LabelValues<K extends string> = Readonly<Record<K, readonly string[]>>;

/** Counts of one series since they were last taken: of a counter its value, of a histogram its buckets and its sum. */
type Counts = readonly number[];

/** The counts of a metric by the label values of its series, in the order of its labels; plain data for another thread. */
export type TakenCounts = readonly (readonly [labels: readonly string[], counts: Counts])[];

/** A line of the text format; parts of a histogram have names of their own. */
type Sample = { readonly metricName?: string; readonly labels: object; readonly value: number };

/** One series of a counter or gauge: a number that is read at the scrape. prom-client's counters cost 0.4 us each time. */
export class Value {
  #value = 0;

  inc(by = 1): void {
    this.#value += by;
  }

  set(value: number): void {
    this.#value = value;
  }

  get value(): number {
    return this.#value;
  }

  samples(_: string, labels: object): Sample[] {
    return [{ labels, value: this.#value }];
  }

  counts(): Counts {
    return [this.#value];
  }

  clear(): void {
    this.#value = 0;
  }

  add([value = 0]: Counts): void {
    this.#value += value;
  }
}

/** One series of a histogram. */
export class Distribution {
  /** `count` is of all values up to `le`, inclusive. */
  readonly #buckets: { readonly le: number; count: number }[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#buckets = [...bounds, Number.POSITIVE_INFINITY].map((le) => ({ le, count: 0 }));
  }

  observe(value: number): void {
    for (const bucket of this.#buckets) if (value <= bucket.le) bucket.count++;
    this.#sum += value;
  }

  samples(name: string, labels: object): Sample[] {
    const buckets = this.#buckets.map(({ le, count }) => ({
      metricName: `${name}_bucket`,
      labels: { le: Number.isFinite(le) ? le : '+Inf', ...labels },
      value: count,
    }));
    const count = buckets.at(-1)?.value ?? 0;
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }

  counts(): Counts {
    return [...this.#buckets.map(({ count }) => count), this.#sum];
  }

  clear(): void {
    for (const bucket of this.#buckets) bucket.count = 0;
    this.#sum = 0;
  }

  add(counts: Counts): void {
    this.#buckets.forEach((bucket, i) => {
      bucket.count += counts[i] ?? 0;
    });
    this.#sum += counts[this.#buckets.length] ?? 0;
  }
}

/** A node of the tree that finds a series by one label value after the other: making a key of them costs four times as much. */
class Branch<S> {
  series?: S;
  readonly next = new Map<string, Branch<S>>();
}

function clearAll({ series, next }: Branch<Value | Distribution>): void {
  series?.clear();
  for (const branch of next.values()) clearAll(branch);
}

/** All series of one metric. */
export class Metric<K extends string, S extends Value | Distribution> {
  readonly #about: { readonly type: string; readonly help: string };
  readonly #labelNames: readonly K[];
  readonly #create: () => S;
  readonly #values: LabelValues<K>;
  #root = new Branch<S>();

  constructor(type: string, help: string, values: LabelValues<K>, create: () => S) {
    this.#about = { type, help };
    this.#labelNames = Object.keys(values) as K[];
    this.#create = create;
    this.#values = values;
    this.zero(values);
  }

  /** Adds the series of every combination of these values, at zero. */
  zero(values: LabelValues<K>): this {
    const rows = this.#labelNames.reduce<object[]>(
      (known, name) => known.flatMap((row) => values[name].map((value) => ({ ...row, [name]: value }))),
      [{}],
    );
    for (const row of rows) this.at(row as Labels<K>);
    return this;
  }

  /** Adds values of one label, with every value that the others began with, at zero; nothing for a metric without it. */
  extend(label: string, values: readonly string[]): void {
    if (label in this.#values) this.zero({ ...this.#values, [label]: values });
  }

  /** One series, for callers that keep it. */
  at(labels: Labels<K>): S {
    let branch = this.#root;
    for (const name of this.#labelNames) {
      const value = labels[name];
      let next = branch.next.get(value);
      if (next === undefined) {
        next = new Branch();
        branch.next.set(value, next);
      }
      branch = next;
    }
    branch.series ??= this.#create();
    return branch.series;
  }

  /** @param labels may be left out where there are none */
  inc(this: Metric<K, Value>, labels = {} as Labels<K>, by = 1): void {
    this.at(labels).inc(by);
  }

  /** The count of one series. */
  countOf(this: Metric<K, Value>, labels: Labels<K>): number {
    return this.at(labels).value;
  }

  set(this: Metric<K, Value>, labels: Labels<K>, value: number): void {
    this.at(labels).set(value);
  }

  observe(this: Metric<K, Distribution>, labels: Labels<K>, value: number): void {
    this.at(labels).observe(value);
  }

  clear(): void {
    this.#root = new Branch<S>();
  }

  /** Takes what was counted since the last time, to be {@link add}ed elsewhere; here all series are at zero again. */
  take(): TakenCounts {
    const counts = this.counts();
    clearAll(this.#root);
    return counts;
  }

  /** The counts of all series that are not at zero. A histogram counts in each bucket all values up to its bound; its sum comes last. */
  counts(): TakenCounts {
    const countsIn = ({ series, next }: Branch<S>, labels: readonly string[]): TakenCounts => {
      const counts = series?.counts() ?? [];
      const own: TakenCounts = counts.some((count) => count !== 0) ? [[labels, counts]] : [];
      return [...own, ...[...next].flatMap(([value, branch]) => countsIn(branch, [...labels, value]))];
    };
    return countsIn(this.#root, []);
  }

  /** Adds what was taken elsewhere from the same metric. */
  add(taken: TakenCounts): void {
    for (const [values, counts] of taken) {
      const labels = Object.fromEntries(this.#labelNames.map((name, i) => [name, values[i] ?? '']));
      this.at(labels as Labels<K>).add(counts);
    }
  }

  /** Reads the samples that prom-client writes down. */
  read(name: string): { readonly name: string; readonly values: readonly Sample[] } {
    const samplesOf = (
      { series, next }: Branch<S>,
      labels: object,
      [label, ...others]: readonly K[],
    ): Sample[] =>
      label === undefined
        ? (series?.samples(name, labels) ?? [])
        : [...next].flatMap(([value, branch]) => samplesOf(branch, { ...labels, [label]: value }, others));
    return { name, ...this.#about, values: samplesOf(this.#root, {}, this.#labelNames) };
  }
}

function metricOf<S extends Value | Distribution>(type: string, create: () => S) {
  return <K extends string = never>(help: string, values = {} as LabelValues<K>) =>
    new Metric(type, help, values, create);
}

export const counter = metricOf('counter', () => new Value());
export const gauge = metricOf('gauge', () => new Value());
/** @param bounds of the buckets, inclusive, the lowest first */
export const histogram = (bounds: readonly number[]) => metricOf('histogram', () => new Distribution(bounds));

/** Registers metrics of ours with prom-client, which writes them down. @param prefix of every name */
export function registerIn(
  registry: Registry,
  prefix: string,
  metrics: Readonly<Record<string, Pick<Metric<never, Value>, 'read'>>>,
): void {
  for (const [key, metric] of Object.entries(metrics)) {
    const name = prefix + key;
    // The registry only calls `get`; its types name prom-client's own classes
    registry.registerMetric({ name, get: async () => metric.read(name) } as unknown as Gauge);
  }
}
