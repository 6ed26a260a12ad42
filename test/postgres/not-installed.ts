import { test } from 'vitest';

test.skipIf(true)(
  'Postgres is not installed: install postgresql, as .ci/run does, to run these tests',
  () => {},
);
