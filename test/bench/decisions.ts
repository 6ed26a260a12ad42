/** Measures what keeping decisions costs: the bridge with it beside the bridge without it. */
import { folderOnDisk } from './disk.ts';
import { residentMb } from './processes.ts';
import { beside, bridge, KB, target } from './stand.ts';

const OFF = { BUILTIN_POLICY: 'on', DECISIONS_DAYS: '0' };

export async function decisions(): Promise<void> {
  // Both cores: on one the thread takes what the verdicts do not
  for (const core of [undefined, 0] as const) {
    const off = await bridge(OFF, { core });
    const twin = await bridge(OFF, { core });
    const env = { ...OFF, DECISIONS_DAYS: '7', DATA_DIR: folderOnDisk(), TELEMETRY: 'off' };
    const on = await bridge(env, { core });
    const where = core === undefined ? 'two cores' : 'one core';
    const work = { bytes: 4 * KB, concurrency: 32 };
    await beside(`control: off against off, ${where}`, off, twin, work);
    const { speed } = await beside(`decisions, 4 KB, ${where}`, off, on, work);
    const perSecond = 2000;
    const paced = await beside(`decisions, ${perSecond}/s, ${where}`, off, on, { ...work, perSecond });
    if (core === undefined) target('decisions on >= 0.97 of off', speed.median, (ratio) => ratio >= 0.97);
    console.log(
      `resident: ${residentMb(off.pid).toFixed(0)} MB off, ${residentMb(on.pid).toFixed(0)} MB on; ` +
        `${paced.addedCpuUs.median.toFixed(1)} us of CPU a call, the thread included`,
    );
    for (const server of [off, twin, on]) await server.stop();
  }
}
