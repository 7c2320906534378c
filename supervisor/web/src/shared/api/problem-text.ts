/** A problem in the language of the page. */
import type { TFunction } from 'i18next';
import { ApiError } from './client';

const KNOWN: Record<string, string> = {
  unreachable: 'problem.unreachable',
  login_required: 'problem.login_required',
  login_wrong: 'problem.login_wrong',
  too_many_tries: 'problem.too_many_tries',
  right_missing: 'problem.right_missing',
  refused: 'problem.refused',
  busy: 'problem.busy',
  unknown_agent: 'problem.unknown_agent',
};

export function problemText(t: TFunction, error: unknown): string {
  if (!(error instanceof ApiError)) return t('problem.failed');
  const { code, detail } = error.problem;
  return t(KNOWN[code] ?? 'problem.other', { detail });
}
