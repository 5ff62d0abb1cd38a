import { currentLanguage, t } from '../text/language'
import { translated } from '../text/sentences'

/** A sentence of the API that has no code. What is not one of ours stays as it is: another language says that it is English. */
export function InEnglish({ text }: { text: string }) {
  if (currentLanguage() === 'en') return text
  const own = translated(text)
  if (own !== null) return own
  return (
    <>
      {t().common.inEnglish} <span lang="en">{text}</span>
    </>
  )
}
