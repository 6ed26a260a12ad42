import type { Gauge, Registry } from 'prom-client';

/** Label values of one series, by label name. */
export type Labels<K extends string> = Readonly<Record<K, string>>;

/** Values that each label can have; a metric starts with every combination at zero, and other values are added as they come. */
export type LabelValues<K extends string> = Readonly<Record<K, readonly string[]>>;

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

  samples(labels: object): Sample[] {
    return [{ labels, value: this.#value }];
  }
}

/** One series of a histogram. */
export class Distribution {
  readonly #name: string;
  /** Upper bounds of the buckets, inclusive, the lowest first. */
  readonly #bounds: readonly number[];
  /** Values by bucket, not cumulative; the last is above all bounds. */
  readonly #counts: number[];
  #sum = 0;

  constructor(name: string, bounds: readonly number[]) {
    this.#name = name;
    this.#bounds = bounds;
    this.#counts = [...bounds.map(() => 0), 0];
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
  }

  samples(labels: object): Sample[] {
    let count = 0;
    const samples: Sample[] = this.#counts.map((inBucket, i) => {
      count += inBucket;
      const le = this.#bounds[i] ?? '+Inf';
      return { metricName: `${this.#name}_bucket`, labels: { le, ...labels }, value: count };
    });
    samples.push({ metricName: `${this.#name}_sum`, labels, value: this.#sum });
    samples.push({ metricName: `${this.#name}_count`, labels, value: count });
    return samples;
  }
}

type Series = { samples(labels: object): Sample[] };
/** A node of the tree that finds a series by one label value after the other, without making a key of them. */
type Branch<S> = { series?: S; readonly next: Map<string, Branch<S>> };

class Metric<K extends string, S extends Series> {
  readonly #labelNames: readonly K[];
  readonly #create: () => S;
  #root: Branch<S> = { next: new Map() };
  /** In the order in which they began. */
  #all: { readonly labels: Labels<K>; readonly series: S }[] = [];

  constructor(values: LabelValues<K>, create: () => S) {
    this.#labelNames = Object.keys(values) as K[];
    this.#create = create;
    this.zero(values);
  }

  /** Adds the series of every combination of these values, at zero. */
  zero(values: LabelValues<K>): this {
    let rows: Record<string, string>[] = [{}];
    for (const name of this.#labelNames) {
      rows = rows.flatMap((row) => values[name].map((value) => ({ ...row, [name]: value })));
    }
    for (const row of rows) this.at(row as Labels<K>);
    return this;
  }

  /** One series, for callers that keep it. */
  at(labels: Labels<K>): S {
    let branch = this.#root;
    for (const name of this.#labelNames) {
      let next = branch.next.get(labels[name]);
      if (next === undefined) {
        next = { next: new Map() };
        branch.next.set(labels[name], next);
      }
      branch = next;
    }
    branch.series ??= this.#add(labels);
    return branch.series;
  }

  clear(): void {
    this.#root = { next: new Map() };
    this.#all = [];
  }

  samples(): Sample[] {
    return this.#all.flatMap(({ labels, series }) => series.samples(labels));
  }

  #add(labels: Labels<K>): S {
    const series = this.#create();
    const named = this.#labelNames.map((name) => [name, labels[name]]);
    this.#all.push({ labels: Object.fromEntries(named) as Labels<K>, series });
    return series;
  }
}

class Values<K extends string> extends Metric<K, Value> {
  /** @param labels may be left out where there are none */
  inc(labels = {} as Labels<K>, by = 1): void {
    this.at(labels).inc(by);
  }

  set(labels: Labels<K>, value: number): void {
    this.at(labels).set(value);
  }
}

class Distributions<K extends string> extends Metric<K, Distribution> {
  observe(labels: Labels<K>, value: number): void {
    this.at(labels).observe(value);
  }
}

/**
 * Registers metrics of ours with prom-client, which writes them down.
 *
 * @param prefix of every name
 */
export function metricsIn(registry: Registry, prefix: string) {
  function register<M extends Metric<string, Series>>(
    type: string,
    name: string,
    help: string,
    metric: M,
    beforeScrape = (_: M) => {},
  ): M {
    const get = async () => {
      beforeScrape(metric);
      return { name: prefix + name, help, type, values: metric.samples() };
    };
    // The registry only calls `get`; its types name prom-client's own classes
    registry.registerMetric({ name: prefix + name, get } as unknown as Gauge);
    return metric;
  }

  return {
    counter: <K extends string = never>(name: string, help: string, values = {} as LabelValues<K>) =>
      register('counter', name, help, new Values(values, () => new Value())),
    /** @param beforeScrape called to set a gauge that is read at the scrape */
    gauge: <K extends string = never>(
      name: string,
      help: string,
      values = {} as LabelValues<K>,
      beforeScrape?: (gauge: Values<K>) => void,
    ) => register('gauge', name, help, new Values(values, () => new Value()), beforeScrape),
    histogram: <K extends string = never>(
      name: string,
      help: string,
      bounds: readonly number[],
      values = {} as LabelValues<K>,
    ) => {
      const metric = new Distributions(values, () => new Distribution(prefix + name, bounds));
      return register('histogram', name, help, metric);
    },
  };
}
