/** Routes and what stands around them: who is logged in, the feed, the shell. */
import { useCallback, useEffect, useState } from 'react';
import { BrowserRouter, Navigate, Route, Routes, useLocation } from 'react-router';
import { ContactsPage } from '../features/contacts/page';
import { LivePage } from '../features/live/page';
import { LoginPage } from '../features/login/page';
import { RecordingsPage } from '../features/recordings/page';
import { MeProvider } from '../shared/account/me';
import { ApiError, call, type Me } from '../shared/api/client';
import { browserFeed, FeedProvider } from '../shared/feed/react';
import { Shell } from './shell';
import { Failed, Forbidden, NotFound } from './states';

const feed = browserFeed();

export function App() {
  return (
    <BrowserRouter>
      <Routes>
        <Route path="/login" element={<LoginPage />} />
        <Route path="*" element={<Inside />} />
      </Routes>
    </BrowserRouter>
  );
}

/** Everything that needs a login. */
function Inside() {
  const [me, setMe] = useState<Me | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const location = useLocation();
  const load = useCallback(() => {
    setError(null);
    call<Me>('GET', '/v1/me').then(setMe, (failure) => {
      if (failure instanceof ApiError) setError(failure);
    });
  }, []);
  useEffect(load, [load]);
  if (error?.problem.status === 401) {
    return <Navigate to="/login" replace state={{ from: location.pathname }} />;
  }
  if (error) return <Failed error={error} retry={load} />;
  if (!me) return null;
  return (
    <MeProvider me={me}>
      <FeedProvider feed={feed}>
        <Shell>
          <Routes>
            <Route path="/" element={<Navigate to="/live" replace />} />
            <Route path="/live" element={<LivePage />} />
            <Route
              path="/contacts"
              element={me.rights.includes('contacts') ? <ContactsPage /> : <Forbidden right="contacts" />}
            />
            <Route
              path="/recordings"
              element={
                me.rights.includes('recordings') ? <RecordingsPage /> : <Forbidden right="recordings" />
              }
            />
            <Route path="*" element={<NotFound />} />
          </Routes>
        </Shell>
      </FeedProvider>
    </MeProvider>
  );
}
