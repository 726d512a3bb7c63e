import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { en } from "./en";
import { ko } from "./ko";

export type Language = "ko" | "en";
export type Texts = typeof en;

const KEPT = "portone-console-language";
const all: Record<Language, Texts> = { ko, en };

/** What was chosen last, else the browser's language; Korean unless that is something else. */
export function firstLanguage(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "ko" || kept === "en") return kept;
  return navigator.language.startsWith("en") ? "en" : "ko";
}

export function keepLanguage(language: Language): void {
  localStorage.setItem(KEPT, language);
  document.documentElement.lang = language;
  document.title = all[language].title;
}

export const LanguageContext = createContext<Language>("ko");

export function useTexts(): { t: Texts; language: Language } {
  const language = useContext(LanguageContext);
  return { t: all[language], language };
}
