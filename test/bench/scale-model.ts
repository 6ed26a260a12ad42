/**
 * A model of replicas that store events in one Postgres, event by event: each gathers what comes within two milliseconds, has one
 * transaction under way, and the server has so many cores and flushes together what is ready to commit. All times are microseconds.
 */
import type { Intake } from './scale-costs.ts';

/** Of PostgresOutbox. */
const GATHER_US = 2_000;
const MOST_EVENTS = 500;

/** What one event and one transaction take, of a bridge and of Postgres, and what a commit waits for beside. */
export type StoreCosts = {
  readonly bridgeEventUs: number;
  readonly bridgeCommitUs: number;
  readonly postgresEventUs: number;
  readonly postgresCommitUs: number;
  /** The flush, the way there and back. */
  readonly flushUs: number;
};

/** Divides what was measured with one caller and with many into what an event and what a commit costs. */
export function storeCosts({ at }: Intake): StoreCosts {
  const [one, many] = [at[1], at[50]];
  if (one === undefined || many === undefined)
    throw new Error('intake was not measured with 1 and 50 callers');
  const divided = (name: 'cpuUs' | 'postgresUs') => {
    const commit = Math.max(0, (one[name] - many[name]) / (one.commits - many.commits));
    return { commit, event: Math.max(0, many[name] - commit * many.commits) };
  };
  const [bridge, postgres] = [divided('cpuUs'), divided('postgresUs')];
  return {
    ...{ bridgeEventUs: bridge.event, bridgeCommitUs: bridge.commit },
    ...{ postgresEventUs: postgres.event, postgresCommitUs: postgres.commit },
    flushUs: Math.max(100, one.p50 * 1000 - GATHER_US - one.cpuUs - one.postgresUs),
  };
}

export type StoreLoad = {
  readonly replicas: number;
  readonly postgresCores: number;
  readonly seconds: number;
  /** So many callers of each replica that wait for their event, or events a second in all, in posts of a few. */
  readonly load: { readonly callers: number } | { readonly perSecond: number; readonly rows: number };
};

export type Stored = {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly commitsPerSecond: number;
  readonly eventsPerCommit: number;
  /** Share of the cores of Postgres. */
  readonly postgresBusy: number;
  /** Share of one core, of the thread of a replica that keeps records. */
  readonly recordsBusy: number;
};

type Waiting = { readonly since: number; readonly done: () => void };
type Replica = {
  waiting: Waiting[];
  isUnderWay: boolean;
  isGathering: boolean;
  freeAt: number;
  busyUs: number;
};

/** Runs the model; the same numbers come out each time. */
export function store(
  costs: StoreCosts,
  { replicas: count, postgresCores, seconds, load }: StoreLoad,
): Stored {
  const clock = new Clock();
  const random = randomNumbers(1);
  const endUs = seconds * 1e6;
  const fromUs = endUs / 5; // until then queues fill
  const latencies: number[] = [];
  const cores = new Array<number>(postgresCores).fill(0);
  let [commits, postgresUs, flushing] = [0, 0, undefined as (() => void)[] | undefined];
  const replicas = Array.from(
    { length: count },
    (): Replica => ({ waiting: [], isUnderWay: false, isGathering: false, freeAt: 0, busyUs: 0 }),
  );

  /** The one thread of a replica that keeps records. */
  const work = (replica: Replica, us: number, then: () => void) => {
    replica.freeAt = Math.max(replica.freeAt, clock.now) + us;
    if (clock.now > fromUs) replica.busyUs += us;
    clock.at(replica.freeAt, then);
  };
  const onPostgres = (us: number, then: () => void) => {
    const core = cores.indexOf(Math.min(...cores));
    cores[core] = Math.max(cores[core] ?? 0, clock.now) + us;
    if (clock.now > fromUs) postgresUs += us;
    clock.at(cores[core] ?? 0, then);
  };
  /** Commits that come while a flush is under way share the next one. */
  const flush = (then: () => void) => {
    if (flushing !== undefined) {
      flushing.push(then);
      return;
    }
    const run = (group: (() => void)[]) => {
      flushing = [];
      clock.at(clock.now + costs.flushUs, () => {
        const next = flushing ?? [];
        flushing = undefined;
        if (next.length > 0) run(next);
        for (const done of group) done();
      });
    };
    run([then]);
  };
  const commit = (replica: Replica) => {
    const group = replica.waiting.splice(0, MOST_EVENTS);
    replica.isUnderWay = true;
    work(replica, costs.bridgeCommitUs, () =>
      onPostgres(costs.postgresCommitUs + group.length * costs.postgresEventUs, () =>
        flush(() => {
          if (clock.now > fromUs) commits += 1;
          replica.isUnderWay = false;
          for (const { since, done } of group) {
            if (clock.now > fromUs) latencies.push(clock.now - since);
            done();
          }
          // What came meanwhile has waited long enough
          if (replica.waiting.length > 0) commit(replica);
        }),
      ),
    );
  };
  const accept = (replica: Replica, done: () => void) => {
    const since = clock.now;
    work(replica, costs.bridgeEventUs, () => {
      replica.waiting.push({ since, done });
      if (replica.isUnderWay || replica.isGathering) return;
      replica.isGathering = true;
      clock.at(clock.now + GATHER_US, () => {
        replica.isGathering = false;
        if (!replica.isUnderWay) commit(replica);
      });
    });
  };

  if ('callers' in load) {
    for (const replica of replicas) {
      const call = () => accept(replica, call);
      for (let n = 0; n < load.callers; n += 1) call();
    }
  } else {
    const post = () => {
      const replica = replicas[Math.floor(random() * count)] as Replica;
      for (let n = 0; n < load.rows; n += 1) accept(replica, () => {});
      clock.at(clock.now - (Math.log(1 - random()) * load.rows * 1e6) / load.perSecond, post);
    };
    post();
  }
  clock.runUntil(endUs);

  latencies.sort((a, b) => a - b);
  const at = (share: number) => (latencies[Math.floor(latencies.length * share)] ?? Number.NaN) / 1000;
  const took = endUs - fromUs;
  return {
    ...{ perSecond: (latencies.length / took) * 1e6, p50Ms: at(0.5), p99Ms: at(0.99) },
    ...{ commitsPerSecond: (commits / took) * 1e6, eventsPerCommit: latencies.length / commits },
    postgresBusy: postgresUs / took / postgresCores,
    recordsBusy: Math.max(...replicas.map(({ busyUs }) => busyUs)) / took,
  };
}

/** What happens when, the soonest first. */
class Clock {
  now = 0;
  #order = 0;
  readonly #heap: { readonly at: number; readonly order: number; readonly run: () => void }[] = [];

  at(at: number, run: () => void): void {
    const heap = this.#heap;
    let place = heap.push({ at, order: this.#order++, run }) - 1;
    for (let above = (place - 1) >> 1; place > 0 && this.#isBefore(place, above); above = (place - 1) >> 1) {
      this.#swap(place, above);
      place = above;
    }
  }

  runUntil(end: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.now = next.at;
      this.#removeFirst();
      next.run();
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return;
    heap[0] = last;
    for (let place = 0; ; ) {
      const [left, right] = [2 * place + 1, 2 * place + 2];
      let least = place;
      if (left < heap.length && this.#isBefore(left, least)) least = left;
      if (right < heap.length && this.#isBefore(right, least)) least = right;
      if (least === place) return;
      this.#swap(place, least);
      place = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return false;
    return one.at < other.at || (one.at === other.at && one.order < other.order);
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b] as never, heap[a] as never];
  }
}

/** Numbers from 0 to 1, the same in each run. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
