/** Resolves with undefined once the time is over. The timer ends with the result: thousands would wait under load. */
export function within<T>(ms: number, result: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, undefined).unref();
    result.finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}
