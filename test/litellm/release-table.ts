import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';

type Row = { passed: number; failed: number; skipped: number };

/** Prints at the end how many tests passed with each release of LiteLLM, which the names of their `describe` hold. */
export default class ReleaseTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = new Map<string, Row>();
    const rowOf = (name: string) => {
      const release = /\blitellm (\d+\.\d+\.\d+)/i.exec(name)?.[1] ?? 'no release';
      const row = rows.get(release) ?? { passed: 0, failed: 0, skipped: 0 };
      rows.set(release, row);
      return row;
    };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        rowOf(test.fullName)[state === 'pending' || isLost(test) ? 'failed' : state]++;
      }
    }
    console.log('\n| LiteLLM | passed | failed | skipped |\n| --- | --- | --- | --- |');
    for (const [release, { passed, failed, skipped }] of rows) {
      console.log(`| ${release} | ${passed} | ${failed} | ${skipped} |`);
    }
  }
}

/** True for a test that did not run because the set-up around it failed. */
function isLost({ parent }: TestCase | TestSuite): boolean {
  return parent.errors().length > 0 || (parent.type === 'suite' && isLost(parent));
}
