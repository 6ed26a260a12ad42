import { globsOf, MAX_NAME } from '../glob.ts';
import type { CreateContext } from '../policy.ts';

/** `mcp`: called through LiteLLM's MCP gateway, which tells neither the prefix nor the server. */
export type ToolOrigin = 'model' | 'mcp';

/** Tells if a tool of this name is meant. */
export type ToolTest = (name: string, origin: ToolOrigin) => boolean;

type Patterns = readonly string[] | undefined;

/** LiteLLM lists the tools of MCP servers as `<server>-<tool>`; names of servers have no such sign. */
const SEPARATOR = '-';
/** A pattern with what can stand for the name of a server. */
const PREFIXED = /^(?:[^-[\](){}\\]|\{[^-{}]*\})+-(.+)$/;

/**
 * Tells if a tool is named by a list that forbids or limits. One of an MCP server is met with and without the prefix that
 * LiteLLM gives it: by `directory-lookup` and `lookup` alike, whichever the list has. Which server it is nobody tells, so
 * `directory-*` meets the tools of all servers.
 */
export function restricted(context: CreateContext, key: string, patterns: Patterns): ToolTest | undefined {
  const matches = globsOf(context, key, patterns);
  if (matches === undefined) return undefined;
  const bare = (patterns ?? []).flatMap((pattern) => PREFIXED.exec(pattern)?.[1] ?? []);
  // A mistake in a pattern has been reported
  const matchesBare = globsOf({ ...context, fail: () => {} }, key, bare);
  return (name, origin) => {
    if (matches(name)) return true;
    return origin === 'mcp' && (matches(withoutServer(name)) || matchesBare?.(name) === true);
  };
}

/** The name of a tool without what may be the prefix of its server. */
export function withoutServer(name: string): string {
  return name.slice(name.indexOf(SEPARATOR) + 1);
}

/**
 * The tools that one list of some options allows and no other denies; without a list of allowed names all are. An allowed
 * name is meant as it is written: no prefix makes another tool of it. Without its own prefix it could be the tool of any server, so
 * that alone is warned about.
 *
 * @param at before the keys of the lists in messages
 */
export function listed<Key extends string>(
  context: CreateContext,
  at: string,
  options: { readonly [key in Key]?: Patterns },
  allowed: Key,
  ...denied: Key[]
): ToolTest {
  const isAllowed = globsOf(context, at + allowed, options[allowed]);
  const inVain = (options[allowed] ?? []).filter((pattern) => {
    const bare = PREFIXED.exec(pattern)?.[1];
    return bare !== undefined && isAllowed?.(bare) === false;
  });
  if (inVain.length > 0) {
    context.warn(
      at + allowed,
      `allows no MCP tool by ${inVain.join(', ')}: LiteLLM shows the name without its server; add the name alone, which counts for every server`,
    );
  }
  const denials = denied
    .filter((key) => options[key]?.length)
    .flatMap((key) => restricted(context, at + key, options[key]) ?? []);
  return (name, origin) => {
    if (isAllowed?.(name) === false) return false;
    return (
      denials.length === 0 || (name.length <= MAX_NAME && !denials.some((isDenied) => isDenied(name, origin)))
    );
  };
}
