/** The language of the page: the browser's, or the one that was chosen here. */
import { en } from './en/index'

export const LANGUAGES = ['en', 'de'] as const
export type Language = (typeof LANGUAGES)[number]
export type Words = typeof en

const KEPT = 'drivestream.language'
const listeners = new Set<() => void>()
let language: Language = 'en'
let words: Words = en

/** All text of the page. A change of the language renders the whole page anew, so components may call it at any time. */
export function t(): Words {
  return words
}

export function currentLanguage(): Language {
  return language
}

/** As the reader writes numbers and times: the browser's own variant of the language, such as `en-GB`. */
export function locale(): string {
  return navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language
}

export function subscribeLanguage(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** To be awaited before the page is rendered. */
export function loadLanguage(): Promise<void> {
  return show(kept() ?? preferred(navigator.languages))
}

export async function chooseLanguage(chosen: Language): Promise<void> {
  await show(chosen)
  try {
    localStorage.setItem(KEPT, chosen)
  } catch {
    // Storage can be switched off. Then the choice ends with the tab.
  }
}

/** The first of the reader's languages that the page has. */
export function preferred(tags: readonly string[]): Language {
  const codes = tags.map((tag) => tag.split('-')[0]?.toLowerCase())
  return codes.find(isLanguage) ?? 'en'
}

async function show(chosen: Language): Promise<void> {
  try {
    words = chosen === 'en' ? en : (await import('./de/index')).de
  } catch {
    // Its text could not be loaded. A page in another language is better than none.
    return
  }
  language = chosen
  document.documentElement.lang = chosen
  for (const listener of listeners) listener()
}

function kept(): Language | null {
  try {
    const value = localStorage.getItem(KEPT) ?? undefined
    return isLanguage(value) ? value : null
  } catch {
    return null
  }
}

function isLanguage(code: string | undefined): code is Language {
  return LANGUAGES.some((known) => known === code)
}
