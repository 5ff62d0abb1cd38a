import type { Words } from '../language'

export const common: Words['common'] = {
  languageName: 'Deutsch',
  language: 'Sprache',
  skip: 'Zum Inhalt springen',
  tagline: 'Kopiert jedes Bild eines Google-Drive-Ordners und zeigt, was mit jeder Datei passiert ist.',
  nav: { label: 'Seiten', imports: 'Importe', gallery: 'Bilder', flow: 'Datenfluss', replays: 'Wiederholungen' },
  notFound: { title: 'Seite nicht gefunden', text: 'Unter dieser URL gibt es keine Seite.', home: 'Zu den Importen' },
  crashed: {
    title: 'Diese Seite ist abgestürzt',
    text: 'Das ist ein Fehler in Drivestream. Ihre Importe sind nicht betroffen.',
    again: 'Seite neu laden',
  },
  connection: {
    lost: 'Die API antwortet nicht.',
    noEvents: (why) => `Keine Live-Aktualisierung: ${why}`,
    seenAt: 'Diese Seite wurde zuletzt aktualisiert um',
    goesOn: 'Importe laufen im Hintergrund weiter. Die Verbindung wird alle paar Sekunden neu versucht.',
  },
  key: {
    label: 'API-Schlüssel',
    checking: 'Wird geprüft…',
    go: 'Weiter',
    help: 'Diese API verlangt einen Schlüssel. Er bleibt gespeichert, bis Sie diesen Tab schließen. Administratoren erzeugen einen mit',
    unknown: 'Die API kennt diesen Schlüssel nicht.',
  },
  loading: (what) => `${what}…`,
  busy: 'Wird geladen…',
  close: 'Schließen',
  copy: { copy: 'Kopieren', copied: 'Kopiert', failed: 'Nicht kopiert' },
  retry: { notLoaded: (what, why) => `${what} konnten nicht geladen werden. ${why}`, again: 'Erneut versuchen' },
  byte: ['Byte', 'Byte'],
  durations: { day: 'd', hour: 'h', minute: 'min', second: 's' },
  file: ['Datei', 'Dateien'],
  folder: ['Ordner', 'Ordner'],
  image: ['Bild', 'Bilder'],
  unknownReason: 'Etwas ist schiefgegangen. Ein Grund wurde nicht angegeben.',
}
