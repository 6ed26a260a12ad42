import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type MetricProducer,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { hrTimeOf } from './call-spans.ts';
import { type PromMetric, type PromSample, readPromText } from './prometheus-text.ts';

export type MetricPagesOptions = {
  readonly resource: Resource;
  readonly scope: ScopeMetrics['scope'];
  /** Since when is counted, Unix milliseconds. */
  readonly since: number;
  /** All metrics in Prometheus' text format. */
  readonly page: () => Promise<string | undefined>;
};

/** A count and since when it runs: one that became smaller was begun anew. */
type Run = { start: HrTime; seen: HrTime; count: number };

/** The metrics of the bridge as the SDK exports them: of the page that Prometheus reads, so that nothing is counted twice. */
export class MetricPages implements MetricProducer {
  readonly #options: MetricPagesOptions;
  readonly #runs = new Map<string, Run>();

  constructor(options: MetricPagesOptions) {
    this.#options = options;
  }

  async collect(): Promise<CollectionResult> {
    const { resource, scope, page } = this.#options;
    const text = await page();
    const at = hrTimeOf(Date.now());
    const metrics = readPromText(text ?? '').flatMap((metric) => this.#dataOf(metric, at) ?? []);
    return {
      resourceMetrics: { resource, scopeMetrics: metrics.length === 0 ? [] : [{ scope, metrics }] },
      errors: [],
    };
  }

  #dataOf(metric: PromMetric, at: HrTime): MetricData | undefined {
    const { name, help: description, type, samples } = metric;
    const data = {
      descriptor: { name, description, unit: '', valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
    };
    switch (type) {
      case 'counter':
        return {
          ...data,
          dataPointType: DataPointType.SUM,
          isMonotonic: true,
          dataPoints: samples.map((sample) => this.#point(sample, sample.value, sample.value, at)),
        };
      case 'gauge':
        return {
          ...data,
          dataPointType: DataPointType.GAUGE,
          dataPoints: samples.map(({ labels, value }) => ({
            ...{ startTime: hrTimeOf(this.#options.since), endTime: at, attributes: labels, value },
          })),
        };
      case 'histogram':
        return { ...data, dataPointType: DataPointType.HISTOGRAM, dataPoints: this.#histograms(metric, at) };
      default:
        // prom-client has summaries too, and nobody here uses one
        return undefined;
    }
  }

  #histograms({ name, samples }: PromMetric, at: HrTime): DataPoint<Histogram>[] {
    const series = new Map<string, { readonly own: Attributes; readonly samples: PromSample[] }>();
    for (const sample of samples) {
      const { le: _, ...own } = sample.labels;
      const key = JSON.stringify(own);
      const known = series.get(key) ?? { own, samples: [] };
      series.set(key, known);
      known.samples.push(sample);
    }
    return [...series.values()].map(({ own, samples }) => {
      const boundaries: number[] = [];
      const counts: number[] = [];
      let [sum, count, below] = [0, 0, 0];
      for (const { name: part, labels, value } of samples) {
        if (part === `${name}_sum`) sum = value;
        else if (part === `${name}_count`) count = value;
        else {
          if (labels.le !== '+Inf') boundaries.push(Number(labels.le));
          counts.push(value - below);
          below = value;
        }
      }
      return this.#point(
        { name, labels: own as PromSample['labels'] },
        { buckets: { boundaries, counts }, sum, count },
        count,
        at,
      );
    });
  }

  #point<T>(
    { name, labels }: Pick<PromSample, 'name' | 'labels'>,
    value: T,
    count: number,
    at: HrTime,
  ): DataPoint<T> {
    const key = `${name}${JSON.stringify(labels)}`;
    const known = this.#runs.get(key);
    const since = hrTimeOf(this.#options.since);
    const start = known === undefined ? since : count < known.count ? known.seen : known.start;
    this.#runs.set(key, { start, seen: at, count });
    return { startTime: start, endTime: at, attributes: labels, value };
  }
}
