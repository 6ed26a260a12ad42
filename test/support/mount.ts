import { spawnSync } from 'node:child_process';
import { onTestFinished, type TestContext } from 'vitest';

/** Mounts a file system in memory until the test is over; skips the test where the machine does not allow it. */
export function mount(context: TestContext, dir: string, options: string): void {
  const { status, error, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir], {
    encoding: 'utf8',
  });
  if (status !== 0) {
    const reason = `this machine allows no mount: ${(error?.message ?? stderr).trim()}`;
    console.log(`skipped "${context.task.name}": ${reason}`);
    context.skip(reason);
  }
  onTestFinished(() => void spawnSync('umount', ['-l', dir]));
}
