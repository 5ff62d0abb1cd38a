import type { Words } from '../language'

export const flow: Words['flow'] = {
  title: 'Datenfluss',
  silent: 'Die Raten sind nicht bekannt, weil der Monitor nicht läuft.',
  found: 'Gefunden',
  stored: 'Gespeichert',
  failed: 'Fehlgeschlagen',
  bytes: 'Kopiert',
  perSecond: (amount) => `${amount}/s`,
  whole: 'Alles, was das System über sich sagt:',
}
