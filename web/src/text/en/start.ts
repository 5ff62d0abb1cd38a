/** The page where an import begins. */
export const start = {
  title: 'Import a folder',
  imports: 'Imports',
  older: 'Older imports',
  loading: 'Loading the imports',
  nothingYet: (why: string) => `There is nothing to show yet. ${why}`,
  showAll: (count: string) => `Show all ${count}`,
  showOlder: 'Show older',
  summary: { failed: (count: string) => `${count} failed`, toGo: (count: string) => `${count} to go`, notDone: (count: string) => `${count} not done`, waiting: 'waiting' },
  form: {
    label: 'Google Drive folder link',
    go: 'Import',
    going: 'Starting…',
    help: 'The folder must be shared with anyone with the link. In Drive, choose Share → Copy link, then paste the link here.',
    missing: 'Paste a Google Drive folder link first.',
    notStarted: (why: string) =>
      `The import was not started. ${why} Your link is still in the field. Submitting it again will not start a second import.`,
  },
  hints: {
    file: 'This looks like a link to a single file. Open the folder that contains it and copy the link from there.',
    document: 'This looks like a link to a document, not a folder.',
    elsewhere: 'This does not look like a Google Drive link.',
  },
  welcome: {
    title: 'Nothing imported yet',
    steps: [
      ['Paste a folder link above.', 'Subfolders are included. Files that are not images are skipped and counted.'],
      ['Watch the images arrive.', 'You can close this page; the import continues.'],
      [
        'See what happened to each file.',
        'Every file found is counted as stored, unchanged, failed or pending, and every failure has a reason.',
      ],
    ] as readonly (readonly [string, string])[],
  },
}
