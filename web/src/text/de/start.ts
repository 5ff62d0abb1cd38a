import type { Words } from '../language'

export const start: Words['start'] = {
  title: 'Ordner importieren',
  imports: 'Importe',
  older: 'Ältere Importe',
  loading: 'Importe werden geladen',
  nothingYet: (why) => `Es gibt noch nichts zu sehen. ${why}`,
  showAll: (count) => `Alle ${count} anzeigen`,
  showOlder: 'Ältere anzeigen',
  summary: {
    failed: (count) => `${count} fehlgeschlagen`,
    toGo: (count) => `${count} ausstehend`,
    notDone: (count) => `${count} nicht kopiert`,
    waiting: 'wartet',
  },
  form: {
    label: 'Link zum Google-Drive-Ordner',
    go: 'Importieren',
    going: 'Wird gestartet…',
    help: 'Der Ordner muss für alle freigegeben sein, die den Link haben. Wählen Sie in Drive „Freigeben → Link kopieren“ und fügen Sie den Link hier ein.',
    bulk: 'Andere Importe vorlassen',
    missing: 'Fügen Sie zuerst den Link zu einem Google-Drive-Ordner ein.',
    notStarted: (why) =>
      `Der Import wurde nicht gestartet. ${why} Ihr Link steht noch im Feld. Wenn Sie ihn erneut absenden, beginnt kein zweiter Import.`,
  },
  preview: {
    loading: 'Vorschau wird erstellt…',
    types: 'Bildformate',
    some: 'Einige der Bilder',
    atLeast: (images) => `Mindestens ${images}`,
    takes: (duration) => `Dauert mit dem heutigen Kontingent etwa ${duration}.`,
    none: 'Dieser Ordner enthält keine Bilder, es gibt also nichts zu importieren.',
    noneYet: 'Bisher wurden keine Bilder gefunden. Der Import durchsucht alle Unterordner.',
    skipped: (count, files) => `${files} andere ${count === 1 ? 'Datei wird' : 'Dateien werden'} übersprungen`,
    partly: 'Der Ordner ist zu groß, um ihn in wenigen Sekunden zu zählen. Der Import findet den Rest.',
    notNow: (why) => `Es gibt keine Vorschau: ${why} Sie können den Import trotzdem starten.`,
  },
  commands: { preview: 'Vorschau', start: 'Importieren' },
  problems: {
    not_drive: 'Das ist kein Google-Drive-Link. Fügen Sie einen Link ein, der mit https://drive.google.com/ beginnt.',
    file_link: 'Dieser Link führt zu einer einzelnen Datei. Öffnen Sie den Ordner, in dem sie liegt, und kopieren Sie den Link von dort.',
    document_link: 'Dieser Link führt zu einem Dokument. Fügen Sie den Link zu einem Ordner mit Bildern ein.',
    private_view:
      'Dieser Link öffnet eine Seite, die nur Sie sehen können. Öffnen Sie den Ordner in Drive, wählen Sie „Freigeben → Link kopieren“ und fügen Sie diesen ein.',
    no_folder:
      'Dieser Link führt zu keinem Ordner. Öffnen Sie den Ordner in Drive, wählen Sie „Freigeben → Link kopieren“ und fügen Sie diesen ein.',
    broken_link: 'Dieser Link ist unvollständig. Kopieren Sie ihn in Drive noch einmal mit „Freigeben → Link kopieren“.',
    two_links: 'Hier steht mehr als ein Link. Fügen Sie einen nach dem anderen ein.',
    folder_not_found: 'Diesen Ordner gibt es nicht, oder er ist nicht freigegeben. Geben Sie ihn in Drive für alle frei, die den Link haben.',
    not_a_folder: 'Dieser Link führt nicht zu einem Ordner. Fügen Sie den Link zu dem Ordner ein, in dem die Datei liegt.',
    trashed: 'Dieser Ordner liegt im Papierkorb. Stellen Sie ihn in Drive wieder her, oder fügen Sie einen anderen Link ein.',
  },
  hints: {
    file: 'Das sieht nach einem Link zu einer einzelnen Datei aus. Öffnen Sie den Ordner, in dem sie liegt, und kopieren Sie den Link von dort.',
    document: 'Das sieht nach einem Link zu einem Dokument aus, nicht zu einem Ordner.',
    elsewhere: 'Das sieht nicht nach einem Google-Drive-Link aus.',
  },
  welcome: {
    title: 'Noch nichts importiert',
    steps: [
      ['Fügen Sie oben den Link zu einem Ordner ein.', 'Unterordner werden mit importiert. Dateien, die keine Bilder sind, werden übersprungen und gezählt.'],
      ['Sehen Sie zu, wie die Bilder ankommen.', 'Sie können diese Seite schließen. Der Import läuft weiter.'],
      [
        'Erfahren Sie, was mit jeder Datei passiert ist.',
        'Jede gefundene Datei zählt als gespeichert, unverändert, fehlgeschlagen oder ausstehend, und jeder Fehler hat einen Grund.',
      ],
    ],
  },
}
