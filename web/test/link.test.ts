import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { driveLink } from '../src/imports/driveLink'
import { folderHint, holdsDriveLink, isFolderId, oneLine } from '../src/start/folderHint'
import { newKey } from '../src/start/idempotencyKey'

describe('the hint', () => {
  it.each([
    [''],
    ['1AbCdEfGhIjKlMn'],
    ['https://drive.google.com/drive/folders/1AbCdEf'],
    ['drive.google.com/drive/u/0/folders/1AbCdEf?usp=sharing'],
    ['https://drive.google.com/open?id=1AbCdEf'],
    ['https://drive'],
    ['https://drive.google.com:443/drive/folders/1AbCdEf'],
    ['//drive.google.com./drive/mobile/folders/1AbCdEf/1GhIjKl'],
  ])('is absent for %s', (text) => {
    expect(folderHint(text)).toBeNull()
  })

  it.each([
    ['https://drive.google.com/file/d/1AbC/view', /single file/],
    ['docs.google.com/document/d/1AbC/edit', /document/],
    ['https://www.dropbox.com/sh/abc', /Google Drive/],
  ])('for %s says what it looks like', (text, hint) => {
    expect(folderHint(text)).toMatch(hint)
  })
})

describe('the texts that the server is tested with', () => {
  type Case = { text: string; code: string }
  const links = JSON.parse(readFileSync('../tests/links.json', 'utf8')) as Record<'accepted' | 'refused', Case[]>
  const folder = '1AbCdEfGhIjKlMnOpQrStUvWxYz012345'
  const hints = new Map([['file_link', /single file/], ['two_links', /single file/], ['not_drive', /Google Drive/]])
  const filledIn = (text: string) => oneLine(text.replaceAll('KEY', '0-abc').replaceAll('ID', folder))

  it.each(links.accepted)('no hint for what it accepts: $text', ({ text }) => {
    expect(folderHint(filledIn(text))).toBeNull()
  })

  it.each(links.accepted)('a preview of what it accepts: $text', ({ text }) => {
    const link = filledIn(text).trim()
    expect(holdsDriveLink(link) || isFolderId(link)).toBe(true)
  })

  it.each(links.refused)('no other hint than why it refuses: $text', ({ text, code }) => {
    const kind = hints.get(code) ?? /^$/
    expect(folderHint(filledIn(text)) ?? '').toMatch(new RegExp(`${kind.source}|^$`))
  })
})

describe('a pasted text', () => {
  it('counts as a link if it holds one to Drive, and the URL can hold it', () => {
    const link = 'https://drive.google.com/drive/folders/1AbC'
    expect([` ${link}\n`, `see ${link} please`, `<${link}>`, '//drive.google.com.:443/open?id=1AbC'].map(holdsDriveLink)).toEqual([true, true, true, true])
    const others = ['hello', 'Save it to drive.google.com', 'https://drive.google.com', `${link}${'x'.repeat(2_048)}`]
    expect(others.map(holdsDriveLink)).toEqual([false, false, false, false])
    expect(['hello', 'see 1AbCdEfGhIjKlMnOpQrStUvWxYz012345'].map(isFolderId)).toEqual([false, false])
  })
})

describe('the link to Drive', () => {
  const made = 'https://drive.google.com/drive/folders/folder-1'

  it('is the pasted link, with its resource key, if it leads to Drive', () => {
    const pasted = 'https://drive.google.com/drive/folders/x?resourcekey=0-abc'
    expect(driveLink(pasted, 'folder-1')).toBe(pasted)
    expect(driveLink('drive.google.com/drive/folders/x', 'folder-1')).toBe('https://drive.google.com/drive/folders/x')
  })

  it.each([
    ['javascript:alert(1)'],
    ['javascript://drive.google.com/%0aalert(1)'],
    ['https://drive.google.com.evil.example/x'],
    ['data:text/html,x'],
    ['folder-1'],
    [''],
    [null],
  ])('is built from the id, not from %s', (pasted) => {
    expect(driveLink(pasted, 'folder-1')).toBe(made)
  })

  it('is absent if nothing is known', () => {
    expect(driveLink(null, null)).toBeNull()
  })
})

describe('the key of a submission', () => {
  it('is a new random UUID each time', () => {
    const keys = Array.from({ length: 100 }, newKey)
    expect(new Set(keys).size).toBe(100)
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
