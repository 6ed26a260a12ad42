/**
 * Measures how many times longer twice the text takes: 2 for linear work, 4 for quadratic. The least of several attempts
 * counts, so that a busy machine does not matter.
 */
export function growth(work: (text: string) => unknown, piece: string, length = 100_000): number {
  const text = (chars: number) => piece.repeat(Math.ceil(chars / piece.length)).slice(0, chars);
  return growthOf((chars) => {
    const input = text(chars);
    return () => work(input);
  }, length);
}

/** The same for twice as much of anything. @param prepare makes the work, whose time counts */
export function growthOf(prepare: (size: number) => () => unknown, size: number): number {
  const [one, two] = [prepare(size), prepare(2 * size)];
  const least = (work: () => unknown) => Math.min(...Array.from({ length: 4 }, () => timed(work)));
  // A run of a moment says nothing and counts as 2 ms
  const attempt = () => least(two) / Math.max(least(one), 2);
  let growth = attempt();
  for (let again = 0; again < 4 && growth > 2.5; again++) growth = Math.min(growth, attempt());
  return growth;
}

/** Milliseconds of processor time of this thread: those it waits for others on a busy machine do not count. */
function timed(work: () => unknown): number {
  const start = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / 1000;
}
