import { checkSync } from 'recheck';
import { describe, expect, test } from 'vitest';
import { redacted } from '../support/rule-redaction.ts';
