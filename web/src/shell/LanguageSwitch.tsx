import { Toggle } from '@base-ui/react/toggle'
import { ToggleGroup } from '@base-ui/react/toggle-group'
import { chooseLanguage, currentLanguage, LANGUAGES, t, type Language } from '../text/language'

const NAMES: Record<Language, string> = { en: 'English', de: 'Deutsch' }

export function LanguageSwitch() {
  return (
    <ToggleGroup
      className="languages"
      aria-label={t().common.language}
      value={[currentLanguage()]}
      onValueChange={([chosen]) => chosen !== undefined && void chooseLanguage(chosen as Language)}
    >
      {LANGUAGES.map((language) => (
        <Toggle key={language} value={language} lang={language} className="small">
          {NAMES[language]}
        </Toggle>
      ))}
    </ToggleGroup>
  )
}
