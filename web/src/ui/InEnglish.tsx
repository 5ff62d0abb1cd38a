import { currentLanguage, t } from '../text/language'

/** A sentence of the API that has no code, or details that no code has: another language says that it is English. */
export function InEnglish({ text }: { text: string }) {
  if (currentLanguage() === 'en') return text
  return (
    <>
      {t().common.inEnglish} <span lang="en">{text}</span>
    </>
  )
}
