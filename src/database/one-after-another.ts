/**
 * Waits for statements that went out one after the other on a connection. Throws the error of the first that failed: those behind it in a
 * transaction fail because of it.
 */
export async function oneAfterAnother<T extends readonly unknown[] | []>(
  statements: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  const failed = (await Promise.allSettled(statements)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return Promise.all(statements);
}
