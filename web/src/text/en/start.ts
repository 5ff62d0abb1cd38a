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
    bulk: 'Let other imports go first',
    missing: 'Paste a Google Drive folder link first.',
    notStarted: (why: string) =>
      `The import was not started. ${why} Your link is still in the field. Submitting it again will not start a second import.`,
  },
  preview: {
    loading: 'Looking into the folder…',
    types: 'Types of the images',
    some: 'Some of the images',
    atLeast: (images: string) => `At least ${images}`,
    takes: (duration: string) => `About ${duration} at today’s quota.`,
    none: 'This folder contains no images, so there is nothing to import.',
    noneYet: 'No images were found so far. The import looks into all subfolders.',
    skipped: (count: number, files: string) => `${files} other ${count === 1 ? 'file' : 'files'} will be skipped`,
    partly: 'The folder is too large to be counted in a few seconds. The import will find the rest.',
    notNow: (why: string) => `There is no preview: ${why} You can start the import anyway.`,
  },
  commands: { preview: 'Preview', start: 'Import' },
  /** By the code of the API's problem. */
  problems: {
    not_drive: 'This is not a Google Drive link. Paste one that begins with https://drive.google.com/.',
    file_link: 'This is a link to a single file. Open the folder that contains it, and copy the link from there.',
    document_link: 'This is a link to a document. Paste the link of a folder of images.',
    private_view: 'This link opens a page that only you can see. Open the folder in Drive, choose Share → Copy link, and paste that.',
    no_folder: 'This link does not name a folder. In Drive, open the folder, choose Share → Copy link, and paste that.',
    broken_link: 'This link is incomplete. Copy it in Drive again with Share → Copy link.',
    two_links: 'There is more than one link here. Paste one at a time.',
    folder_not_found: 'This folder does not exist, or it is not shared. In Drive, share it with anyone with the link.',
    not_a_folder: 'This link leads to something that is not a folder. Paste the link of the folder that contains it.',
    trashed: 'This folder is in the trash. Restore it in Drive, or paste another link.',
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
