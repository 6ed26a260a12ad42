import { diffChars } from 'diff';
import type { Passage, PassageTexts } from '../guardrail/call.ts';

/**
 * A stretch of the original and what stands in its place. `text` may hold a few characters of the original that lay
 * between two changes; `bare` never does, and is what counts where another backend changed the same stretch.
 */
type Edit = { start: number; end: number; text: string; bare: string };

/** Time for one text, and for all of a call. */
const TEXT_MS = 50;
const CALL_MS = 250;

/** Beyond this many changed characters two redactions of one text are not merged, and the call is blocked. */
const MAX_EDITS = 1000;

/**
 * Merges the redactions of several backends, in configuration order, so that everything that any of them removed is gone:
 * edits of one text that touch become one edit with the earlier backend's text first. Null if two backends changed
 * one text beyond what can be told apart.
 */
export function mergeTexts(all: readonly PassageTexts[]): PassageTexts | null {
  if (all.length === 1) return all[0]!;
  const merged = new Map<Passage, string>();
  const until = performance.now() + CALL_MS;
  for (const passage of new Set(all.flatMap((texts) => [...texts.keys()]))) {
    const versions = [...new Set(all.flatMap((texts) => texts.get(passage) ?? []))];
    const text = versions.length === 1 ? versions[0] : mergeVersions(passage.text, versions, until);
    if (text === undefined || bringsBack(passage.text, versions, text)) return null;
    merged.set(passage, text);
  }
  return merged;
}

/** Length of a piece of text that somebody may have wanted gone. */
const GRAM = 4;

/** True if a merge shows again what a version had removed: in repetitive text a diff can be read in several ways. */
function bringsBack(original: string, versions: readonly string[], merged: string): boolean {
  const present = gramsOf(merged);
  const kept = versions.map(gramsOf);
  for (const gram of gramsOf(original)) {
    if (present.has(gram) && kept.some((grams) => !grams.has(gram))) return true;
  }
  return false;
}

function gramsOf(text: string): ReadonlySet<string> {
  const grams = new Set<string>();
  for (let at = 0; at + GRAM <= text.length; at++) grams.add(text.slice(at, at + GRAM));
  return grams;
}

function mergeVersions(original: string, versions: readonly string[], until: number): string | undefined {
  const edits: Edit[] = [];
  for (const version of versions) {
    const timeout = Math.min(TEXT_MS, until - performance.now());
    const found = timeout <= 0 ? undefined : editsOf(original, version, timeout);
    if (found === undefined) return undefined;
    edits.push(...found);
  }
  // Stable: edits at the same place stay in the order of the backends
  edits.sort((a, b) => a.start - b.start);
  const joined: Edit[] = [];
  for (const edit of edits) {
    const last = joined.at(-1);
    if (last !== undefined && (edit.start < last.end || edit.start === last.start)) {
      last.end = Math.max(last.end, edit.end);
      if (last.bare !== edit.bare) last.bare += edit.bare;
      last.text = last.bare;
    } else {
      joined.push({ ...edit });
    }
  }
  let result = '';
  let at = 0;
  for (const { start, end, text } of joined) {
    result += original.slice(at, start) + text;
    at = end;
  }
  return result + original.slice(at);
}

/**
 * The edits that lead from one text to the other. A few equal characters between two edits are taken into them:
 * letters that a marker happens to share with the secret it replaces are no reason to keep the secret's others apart.
 */
function editsOf(original: string, version: string, timeout: number): Edit[] | undefined {
  const changes = diffChars(original, version, { maxEditLength: MAX_EDITS, timeout });
  if (changes === undefined) return undefined;
  const edits: Edit[] = [];
  let at = 0;
  let between = '';
  for (const { added, removed, value } of changes) {
    if (!added && !removed) {
      at += value.length;
      between = value;
      continue;
    }
    const last = edits.at(-1);
    const edit = last !== undefined && between.length < 8 ? last : { start: at, end: at, text: '', bare: '' };
    if (edit === last) edit.text += between;
    else edits.push(edit);
    between = '';
    if (removed) {
      at += value.length;
      edit.end = at;
    } else {
      edit.text += value;
      edit.bare += value;
      edit.end = at;
    }
  }
  return edits;
}
