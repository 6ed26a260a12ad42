import type { Rewrites } from './rewrites.ts';

/** Why a call is blocked: a verdict, a missing verdict under `fail_closed`, or a redaction that cannot be applied. */
export type BlockCause = 'verdict' | 'fail_closed' | 'redaction';

/** What happens to a call. */
export type Decision =
  | { readonly kind: 'allow' }
  | { readonly kind: 'block'; readonly cause: BlockCause; readonly backend: string; readonly reason: string }
  | { readonly kind: 'modify'; readonly backends: readonly string[]; readonly rewrites: Rewrites }
  | { readonly kind: 'defer'; readonly backend: string }
  | { readonly kind: 'cancelled' };
