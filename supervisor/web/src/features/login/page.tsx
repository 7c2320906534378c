/** Logging in by password; a used-up link lands here too. */
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation, useNavigate, useSearchParams } from 'react-router';
import { call, type Me } from '../../shared/api/client';
import { problemText } from '../../shared/api/problem-text';
import { toggleLanguage } from '../../shared/i18n/language';

export function LoginPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const location = useLocation();
  const [query] = useSearchParams();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const from = (location.state as { from?: string } | null)?.from ?? '/live';

  async function enter(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      await call<Me>('POST', '/v1/login', { user: form.get('user'), password: form.get('password') });
      navigate(from, { replace: true });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  }

  return (
    <main className="login">
      <form className="panel" onSubmit={enter}>
        <h1>{t('login.title')}</h1>
        {query.get('link') === 'used' ? <p className="notice">{t('login.link_used')}</p> : null}
        <TextInput name="user" label={t('login.user')} autoComplete="username" required />
        <PasswordInput name="password" label={t('login.password')} autoComplete="current-password" required />
        {error ? (
          <p className="notice" data-tone="alarm" role="alert">
            {problemText(t, error)}
          </p>
        ) : null}
        <Button type="submit" loading={busy} fullWidth>
          {t('login.enter')}
        </Button>
        <p className="quiet">{t('login.hint')}</p>
        <Button variant="subtle" size="compact-sm" onClick={toggleLanguage}>
          {t('login.language')}
        </Button>
      </form>
    </main>
  );
}
