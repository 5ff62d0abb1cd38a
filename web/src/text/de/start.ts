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
  preview: {
    loading: 'Der Ordner wird angesehen…',
    types: 'Typen der Bilder',
    some: 'Einige der Bilder',
    atLeast: (images) => `Mindestens ${images}`,
    takes: (duration) => `Etwa ${duration} mit dem heutigen Kontingent.`,
    none: 'Dieser Ordner enthält keine Bilder. Es gibt nichts zu importieren.',
    noneYet: 'Bisher wurden keine Bilder gefunden. Der Import sieht alle Unterordner durch.',
    skipped: (count, files) => `${files} andere ${count === 1 ? 'Datei wird' : 'Dateien werden'} übersprungen`,
    partly: 'Der Ordner ist zu groß, um ihn in wenigen Sekunden zu zählen. Der Import findet den Rest.',
    notNow: (why) => `Es gibt keine Vorschau: ${why} Sie können den Import trotzdem starten.`,
  },
  commands: { preview: 'Vorschau', start: 'Importieren' },
  problems: {
    not_drive: 'Das ist kein Link von Google Drive. Fügen Sie einen ein, der mit https://drive.google.com/ beginnt.',
    file_link: 'Das ist der Link einer einzelnen Datei. Öffnen Sie den Ordner, in dem sie liegt, und kopieren Sie den Link von dort.',
    document_link: 'Das ist der Link eines Dokuments. Fügen Sie den Link eines Ordners mit Bildern ein.',
    private_view:
      'Dieser Link öffnet eine Seite, die nur Sie sehen. Öffnen Sie den Ordner in Drive, wählen Sie „Freigeben → Link kopieren“ und fügen Sie diesen ein.',
    no_folder:
      'Dieser Link nennt keinen Ordner. Öffnen Sie den Ordner in Drive, wählen Sie „Freigeben → Link kopieren“ und fügen Sie diesen ein.',
    broken_link: 'Dieser Link ist unvollständig. Kopieren Sie ihn in Drive noch einmal mit „Freigeben → Link kopieren“.',
    two_links: 'Hier steht mehr als ein Link. Fügen Sie einen nach dem anderen ein.',
    folder_not_found: 'Diesen Ordner gibt es nicht, oder er ist nicht freigegeben. Geben Sie ihn in Drive für alle frei, die den Link haben.',
    not_a_folder: 'Dieser Link führt zu etwas, das kein Ordner ist. Fügen Sie den Link des Ordners ein, in dem es liegt.',
    trashed: 'Dieser Ordner liegt im Papierkorb. Stellen Sie ihn in Drive wieder her, oder fügen Sie einen anderen Link ein.',
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
