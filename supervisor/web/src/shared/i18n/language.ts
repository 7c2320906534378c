/** Which language the page speaks: Chinese unless the user chose English; kept in the browser. */
import i18next from 'i18next';

export type Language = 'zh' | 'en';
const KEPT = 'hotline-language';

export function keptLanguage(): Language {
  return localStorage.getItem(KEPT) === 'en' ? 'en' : 'zh';
}

/** Tells the browser, for fonts and for those who hear the page. */
export function markLanguage(language: Language) {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
}

export function toggleLanguage() {
  const language = i18next.language === 'zh' ? 'en' : 'zh';
  localStorage.setItem(KEPT, language);
  markLanguage(language);
  void i18next.changeLanguage(language);
}
