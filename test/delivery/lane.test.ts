import { expect, test } from 'vitest';
import { Lane, type Pressure } from '../../src/delivery/lane.ts';

/** A vendor on a clock of its own: says how long a delivery takes among so many, and how it ends. */
type Vendor = (underWay: number, at: number) => { ms: number; pressure?: Pressure | undefined };

/** Keeps a lane full for a time, or so many under way; the width at the end of each second, and what was taken and refused in it. */
function run(lane: Lane, clock: { now: number }, vendor: Vendor, seconds: number, limit = Infinity) {
  const underWay: { until: number; ms: number; pressure: Pressure | undefined }[] = [];
  const history: { width: number; taken: number; refused: number; most: number }[] = [];
  const end = clock.now + seconds * 1000;
  let [taken, refused, most, stoppedUntil] = [0, 0, 0, 0];
  for (let second = clock.now + 1000; clock.now < end; clock.now++) {
    for (const one of underWay.filter(({ until }) => until <= clock.now)) {
      underWay.splice(underWay.indexOf(one), 1);
      if (one.pressure === undefined) taken++;
      else refused++;
      if (one.pressure === undefined) lane.succeeded(one.ms);
      else if (clock.now >= stoppedUntil && lane.failed(one.pressure)) stoppedUntil = clock.now + 1000;
    }
    const mayBegin = () =>
      clock.now >= stoppedUntil &&
      underWay.length < Math.min(lane.width, limit) &&
      (underWay.length > 0 || lane.waitMs() <= 0);
    while (mayBegin()) {
      const { ms, pressure } = vendor(underWay.length + 1, clock.now);
      lane.began(underWay.length + 1);
      underWay.push({ until: clock.now + ms, ms, pressure });
      most = Math.max(most, underWay.length);
    }
    if (clock.now < second) continue;
    history.push({ width: lane.exactWidth, taken, refused, most });
    [taken, refused, most] = [0, 0, 0];
    second += 1000;
  }
  return history;
}

function createLane(max = 32) {
  const clock = { now: 0 };
  return { clock, lane: new Lane(max, () => clock.now) };
}

const last = <T>(history: readonly T[]) => history.slice(-20);
const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
/** The same sequence each time. */
function dice(seed = 1) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test.each([1, 3, 32, 256])('a lane of at most %i opens up to that, and never wider', (max) => {
  const { lane, clock } = createLane(max);
  const history = run(lane, clock, () => ({ ms: 100 }), 5);
  expect(history.at(-1)?.width).toBe(max);
  expect(Math.max(...history.map(({ most }) => most))).toBe(max);
});

test.each([
  { underWay: 2, width: 4 },
  { underWay: 5, width: 8 },
])('a lane with $underWay under way is not opened beyond $width', ({ underWay, width }) => {
  const { lane, clock } = createLane();
  expect(run(lane, clock, () => ({ ms: 100 }), 60, underWay).at(-1)?.width).toBe(width);
});

test('it begins with four deliveries', () => {
  expect(createLane().lane.width).toBe(4);
});

test.each<{ name: string; pressure: Pressure; share: number }>([
  { name: 'one in twenty is a 500', pressure: 'none', share: 0.05 },
  { name: 'one in five is a 500', pressure: 'none', share: 0.2 },
  { name: 'one in twenty is a 429', pressure: 'throttle', share: 0.05 },
  { name: 'one in twenty is a 503', pressure: 'overload', share: 0.05 },
])('where $name it stays about as wide as it may be', ({ pressure, share }) => {
  for (const ms of [2, 100, 1000]) {
    const { lane, clock } = createLane();
    const random = dice();
    const vendor = () => ({ ms, pressure: random() < share ? pressure : undefined });
    const history = run(lane, clock, vendor, 60);
    expect(mean(last(history).map(({ width }) => width))).toBeGreaterThan(24);
  }
});

test('times of deliveries that differ by ten do not narrow it', () => {
  const { lane, clock } = createLane();
  const random = dice();
  const history = run(lane, clock, () => ({ ms: Math.round(20 - 100 * Math.log(random() || 1)) }), 120);
  expect(mean(last(history).map(({ width }) => width))).toBeGreaterThan(24);
});

test.each([2, 10, 20])('a vendor that works on %i at once is not sent many more', (capacity) => {
  const { lane, clock } = createLane();
  let freeAt = Array.from({ length: capacity }, () => 0);
  const vendor: Vendor = (_, at) => {
    freeAt = freeAt.toSorted((a, b) => a - b);
    const begins = Math.max(at, freeAt[0] as number);
    freeAt[0] = begins + 100;
    return { ms: freeAt[0] - at };
  };
  const history = last(run(lane, clock, vendor, 60));
  expect(mean(history.map(({ taken }) => taken))).toBeGreaterThan(capacity * 10 * 0.9);
  expect(Math.max(...history.map(({ most }) => most))).toBeLessThan(Math.max(10, capacity * 2.2));
});

test('a vendor that becomes slower for good is sent as many as before', () => {
  const { lane, clock } = createLane();
  run(lane, clock, () => ({ ms: 100 }), 10);
  const history = run(lane, clock, () => ({ ms: 400 }), 60);
  expect(mean(last(history).map(({ width }) => width))).toBe(32);
});

test.each([
  { perSecond: 100, ms: 2 },
  { perSecond: 100, ms: 100 },
  { perSecond: 20, ms: 2 },
])(
  'a vendor that takes $perSecond a second in $ms ms gets about that, and refuses few',
  ({ perSecond, ms }) => {
    const { lane, clock } = createLane();
    let [second, count] = [0, 0];
    const vendor: Vendor = (_, at) => {
      if (Math.floor(at / 1000) !== second) [second, count] = [Math.floor(at / 1000), 0];
      return { ms, pressure: ++count > perSecond ? 'throttle' : undefined };
    };
    const history = run(lane, clock, vendor, 60);
    expect(mean(last(history).map(({ taken }) => taken))).toBeGreaterThan(perSecond * 0.8);
    expect(mean(last(history).map(({ refused }) => refused))).toBeLessThan(perSecond * 0.1);
  },
);

test('failures in a row narrow it to what it takes to tell an outage, and the eighth is one', () => {
  const { lane, clock } = createLane();
  run(lane, clock, () => ({ ms: 100 }), 5);
  const seen = Array.from({ length: 7 }, () => [lane.failed('none'), lane.width]);
  expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1].map((width) => [false, width]));
  expect(lane.failed('none')).toBe(true);
  expect(lane.width).toBe(4);
});

test('it is never closed', () => {
  const { lane } = createLane(1);
  for (let i = 0; i < 1000; i++) {
    lane.failed('throttle');
    expect(lane.width).toBe(1);
    expect(lane.waitMs()).toBeLessThan(1001);
  }
});
