/**
 * Reason codes in people's words: what happened, and what can be done about it.
 * A code that is not here is shown as it came, beside the message that the API sends with it.
 */
export interface Reason {
  /** As it stands within a sentence; `heading` writes it at the beginning of one. */
  readonly title: string
  readonly cure?: string
}

const LATER = 'Import the folder again later: what is stored already is not fetched twice.'

const REASONS = new Map<string, Reason>([
  // Of a file, given by Google.
  [
    'download_quota_exceeded',
    {
      title: 'Google’s download limit for the file is reached',
      cure: 'Import the folder again tomorrow: what is stored already is not fetched twice.',
    },
  ],
  ['abusive_file', { title: 'withheld by Google as harmful', cure: 'Only the owner can fetch it, from Drive itself.' }],
  [
    'not_permitted',
    {
      title: 'downloading is not allowed',
      cure: 'In Drive, the owner can allow viewers to download, in the settings of sharing. Then import the folder again.',
    },
  ],
  ['not_downloadable', { title: 'not downloadable' }],
  [
    'not_found',
    {
      title: 'not found, or not shared',
      cure: 'Share it with anyone who has the link, then import the folder again.',
    },
  ],
  ['gone', { title: 'deleted, or no longer shared, since its folder was listed' }],
  // Of what was left out.
  ['not_an_image', { title: 'not an image' }],
  ['google_document', { title: 'made in Google’s editors' }],
  ['shortcut', { title: 'only a shortcut' }],
  ['shortcut_dangling', { title: 'a shortcut to nothing that can be seen' }],
  ['trashed', { title: 'in the trash' }],
  ['folder_cycle', { title: 'leading in a circle' }],
  ['not_a_folder', { title: 'not a folder', cure: 'Paste the link of the folder that holds it.' }],
  ['too_deep', { title: 'too deep in folders' }],
  // Of the way there.
  ['drive_unreachable', { title: 'Google Drive could not be reached', cure: LATER }],
  ['drive_unavailable', { title: 'Google Drive had trouble answering', cure: LATER }],
  ['drive_rate_limited', { title: 'Google asked for fewer requests', cure: LATER }],
  ['automated_queries', { title: 'Google takes this computer for a robot', cure: LATER }],
  ['download_interrupted', { title: 'the download broke off', cure: LATER }],
  ['download_too_slow', { title: 'the download was far too slow', cure: LATER }],
  ['answer_unreadable', { title: 'Google’s answer could not be read', cure: LATER }],
  ['listing_incomplete', { title: 'not listed completely by Google', cure: LATER }],
  ['store_unavailable', { title: 'the storage had trouble answering', cure: LATER }],
  ['store_unreachable', { title: 'the storage could not be reached', cure: LATER }],
  ['store_slow_down', { title: 'the storage asked for fewer requests', cure: LATER }],
  ['unforeseen', { title: 'stopped by a fault in Drivestream', cure: 'Please report it, with the log of the service.' }],
  ['drive_refused', { title: 'refused by Google Drive' }],
  ['unexpected_redirect', { title: 'Google led to another site' }],
  [
    'content_mismatch',
    {
      title: 'what arrived is not the file that Drive described',
      cure: 'It may have been changed while it was copied. Import the folder again to fetch it as it is now.',
    },
  ],
  [
    'page_token_invalid',
    { title: 'Google forgot where its listing stood', cure: LATER },
  ],
  ['too_many_waiting', { title: 'too many requests waited for Google’s quota', cure: LATER }],
  // Of the store.
  ['object_key_refused', { title: 'the store refused the name' }],
  ['store_refused_object', { title: 'refused by the store' }],
  ['undecodable_event', { title: 'its record could not be read' }],
  ['unknown', { title: 'for a reason that was not recorded' }],
  // Of what whoever runs the server has to see to.
  ['key_refused', { title: 'Google refused the server’s API key' }],
  ['credentials_refused', { title: 'Google refused the server’s service account' }],
  ['no_bucket', { title: 'the storage has no bucket for the pictures' }],
  ['store_refused', { title: 'the storage refused the server’s credentials' }],
  ['store_full', { title: 'the storage is full' }],
  ['drive_api_disabled', { title: 'the Drive API is not enabled for the server’s key' }],
  ['daily_limit_exceeded', { title: 'the server’s daily limit at Google is used up', cure: LATER }],
])

export function reasonFor(code: string): Reason {
  return REASONS.get(code) ?? { title: code }
}

/** A code that is shown as it came is not capitalised: it may be searched for. */
export function heading(code: string): string {
  const title = REASONS.get(code)?.title
  return title === undefined ? code : title.charAt(0).toUpperCase() + title.slice(1)
}
