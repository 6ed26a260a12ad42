/** Whether a release of LiteLLM is at least that one; one that does not tell its version is not. */
export function isAtLeast(version: string | null, [major = 0, minor = 0]: readonly number[]): boolean {
  const found = /^(\d+)\.(\d+)/.exec(version ?? '');
  if (found === null) return false;
  return Number(found[1]) > major || (Number(found[1]) === major && Number(found[2]) >= minor);
}
