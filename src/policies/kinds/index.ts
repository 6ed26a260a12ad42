import type { Kind } from '../policy.ts';
import { agentFirewall } from './agent-firewall.ts';
import { auditLogger } from './audit-logger.ts';
import { bannedKeywords } from './banned-keywords.ts';
import { blockedUsers } from './blocked-users.ts';
import { dlpFilter } from './dlp-filter.ts';
import { imagePolicy } from './image-policy.ts';
import { piiDetector } from './pii-detector.ts';
import { promptInjection } from './prompt-injection.ts';
import { rbac } from './rbac.ts';
import { requiredParams } from './required-params.ts';
import { secrets } from './secrets.ts';
import { sizeLimits } from './size-limits.ts';

/** Every kind of policy, the cheapest first, which is the order a chain is best written in. */
export const kinds: readonly Kind[] = [
  sizeLimits,
  blockedUsers,
  requiredParams,
  rbac,
  imagePolicy,
  agentFirewall,
  bannedKeywords,
  promptInjection,
  secrets,
  piiDetector,
  dlpFilter,
  auditLogger,
];
