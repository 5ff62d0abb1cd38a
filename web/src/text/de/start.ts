import type { Words } from '../language'

export const start: Words['start'] = {
  title: 'Einen Ordner importieren',
  imports: 'Importe',
  older: 'Ältere Importe',
  loading: 'Importe werden geladen',
  nothingYet: (why) => `Es gibt noch nichts zu sehen. ${why}`,
  showAll: (count) => `Alle ${count} zeigen`,
  showOlder: 'Ältere zeigen',
  summary: {
    failed: (count) => `${count} fehlgeschlagen`,
    toGo: (count) => `${count} ausstehend`,
    notDone: (count) => `${count} nicht kopiert`,
    waiting: 'wartet',
  },
  form: {
    label: 'Link eines Google-Drive-Ordners',
    go: 'Importieren',
    going: 'Wird gestartet…',
    help: 'Der Ordner muss für alle freigegeben sein, die den Link haben. Wählen Sie in Drive „Freigeben → Link kopieren“ und fügen Sie den Link hier ein.',
    missing: 'Fügen Sie zuerst den Link eines Google-Drive-Ordners ein.',
    notStarted: (why) =>
      `Der Import wurde nicht gestartet. ${why} Ihr Link steht noch im Feld. Wenn Sie ihn erneut absenden, beginnt kein zweiter Import.`,
  },
  hints: {
    file: 'Das sieht nach dem Link einer einzelnen Datei aus. Öffnen Sie den Ordner, in dem sie liegt, und kopieren Sie den Link von dort.',
    document: 'Das sieht nach dem Link eines Dokuments aus, nicht eines Ordners.',
    elsewhere: 'Das sieht nicht nach einem Link von Google Drive aus.',
  },
  welcome: {
    title: 'Noch nichts importiert',
    steps: [
      ['Fügen Sie oben den Link eines Ordners ein.', 'Unterordner gehören dazu. Dateien, die keine Bilder sind, werden übersprungen und gezählt.'],
      ['Sehen Sie zu, wie die Bilder ankommen.', 'Sie können diese Seite schließen. Der Import läuft weiter.'],
      [
        'Sehen Sie, was mit jeder Datei geschah.',
        'Jede gefundene Datei zählt als gespeichert, unverändert, fehlgeschlagen oder ausstehend, und jeder Fehler hat einen Grund.',
      ],
    ],
  },
}
