/** What stands where a page cannot: failed, forbidden, not there. */
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { problemText } from '../shared/api/problem-text';

export function Failed({ error, retry }: { error: unknown; retry(): void }) {
  const { t } = useTranslation();
  return (
    <div className="page-state" role="alert">
      <p>{problemText(t, error)}</p>
      <Button onClick={retry}>{t('problem.retry')}</Button>
    </div>
  );
}

export function Forbidden({ right }: { right: string }) {
  const { t } = useTranslation();
  return (
    <div className="page-state">
      <p>{t('app.forbidden', { right })}</p>
      <p>{t('app.forbidden_hint')}</p>
      <Link to="/live">{t('app.back')}</Link>
    </div>
  );
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <div className="page-state">
      <p>{t('app.not_found')}</p>
      <Link to="/live">{t('app.back')}</Link>
    </div>
  );
}
