/** Languages: Chinese first, English second; messages are put together from the features'. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import contactsEn from '../features/contacts/messages.en.json';
import contactsZh from '../features/contacts/messages.zh.json';
import liveEn from '../features/live/messages.en.json';
import liveZh from '../features/live/messages.zh.json';
import loginEn from '../features/login/messages.en.json';
import loginZh from '../features/login/messages.zh.json';
import recordingsEn from '../features/recordings/messages.en.json';
import recordingsZh from '../features/recordings/messages.zh.json';
import { keptLanguage, markLanguage } from '../shared/i18n/language';
import appEn from './messages.en.json';
import appZh from './messages.zh.json';

export const messages = {
  zh: { ...appZh, ...liveZh, ...contactsZh, ...loginZh, ...recordingsZh },
  en: { ...appEn, ...liveEn, ...contactsEn, ...loginEn, ...recordingsEn },
};

export function startLanguage() {
  const language = keptLanguage();
  markLanguage(language);
  void i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: 'zh',
    resources: { zh: { translation: messages.zh }, en: { translation: messages.en } },
    interpolation: { escapeValue: false },
    initAsync: false,
  });
}
