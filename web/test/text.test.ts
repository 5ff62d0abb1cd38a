import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ApiError, sentence } from '../src/api/errors'
import { formatBytes, formatCount, formatDuration } from '../src/text/format'
import { de } from '../src/text/de/index'
import { en } from '../src/text/en/index'
import { chooseLanguage, currentLanguage, loadLanguage, preferred, t } from '../src/text/language'
import { said } from '../src/text/reasons'
import { translated } from '../src/text/sentences'
import { limitWords } from '../src/imports/progress'
import { ownText } from './ownText'

interface Document {
  readonly paths: unknown
  readonly components: { readonly schemas: Record<string, { readonly properties: Record<string, { readonly enum?: string[] }> }> }
}

afterEach(() => chooseLanguage('en'))

/** Where each text is, with the number of its parameters or parts. */
function shape(words: unknown, at = ''): string[] {
  if (typeof words === 'function') return [`${at}()`]
  if (typeof words !== 'object' || words === null) return [at]
  return Object.entries(words).flatMap(([name, value]) => shape(value, `${at}.${name}`))
}

describe('the text', () => {
  it('is the same in every language, part by part', () => {
    // English is the API's own language.
    expect(shape({ ...de, problems: {}, sentences: en.sentences, flow: { ...de.flow, limitDetails: {} } }).toSorted()).toEqual(shape(en).toSorted())
  })

  it('is translated', () => {
    const english = new Map(texts(en))
    const same = texts(de).filter(([at, text]) => english.get(at) === text && /\w+ \w+/.test(text))
    expect(same).toEqual([['.report.history.drive', 'Google Drive']])
  })

  it('is in the browser’s language, unless another one was chosen', async () => {
    expect([['de-AT', 'en'], ['fr', 'de'], ['pt'], []].map(preferred)).toEqual(['de', 'de', 'en', 'en'])
    await chooseLanguage('de')
    expect([t().common.close, document.documentElement.lang]).toEqual(['Schließen', 'de'])
    expect([formatCount(12_345), formatBytes(1_500), formatDuration(3_725)]).toEqual(['12.345', '1,5 kB', '1 h 2 min'])
    await loadLanguage()
    expect(currentLanguage()).toBe('de')
    localStorage.setItem('drivestream.language', 'xx')
    await loadLanguage()
    expect(currentLanguage()).toBe('en')
  })

  it('of the API gives way to our own words in another language, if there are any', async () => {
    const all = () => [said('It is gone.', 'gone'), said('It is odd.', 'odd'), said('', 'gone'), said('It failed.', null), said(null, null)]
    expect(all()).toEqual(['It is gone.', 'It is odd.', 'Deleted or no longer shared', 'It failed.', null])
    await chooseLanguage('de')
    expect(all()).toEqual(['Gelöscht oder nicht mehr freigegeben', 'It is odd.', 'Gelöscht oder nicht mehr freigegeben', 'It failed.', null])
    expect(limitWords({ reason: 'drive', message: 'Drive takes 2 s.' })).toBe('Google Drive ist langsam.')
    expect(limitWords({ reason: 'toString', message: 'It is odd.' })).toBe('It is odd.')
  })

  it('has a German sentence for whatever the API can say by a code', async () => {
    const document = JSON.parse(readFileSync('../docs/openapi.json', 'utf8')) as Document
    const codes = [...JSON.stringify(document.paths).matchAll(/`([a-z_]+)`: [A-Z]/g)].map(([, code]) => code ?? '')
    expect(new Set(codes).size).toBeGreaterThan(80)
    expect(codes.filter((code) => !Object.hasOwn(de.problems, code))).toEqual([])
    const limits = document.components.schemas['SpeedLimit']?.properties['reason']?.enum ?? []
    expect(limits.length).toBeGreaterThan(10)
    expect(limits.filter((reason) => !Object.hasOwn(de.flow.limits, reason))).toEqual([])
    expect(Object.keys(de.flow.limitDetails).toSorted()).toEqual(limits.toSorted())
    const errors = () => ['database_slow', 'bad_parameter', 'a_new_code'].map((code) => sentence(new ApiError('refused', 'It is so.', { code })))
    expect(errors()).toEqual(['It is so.', 'It is so.', 'It is so.'])
    await chooseLanguage('de')
    expect(errors()).toEqual(['Die Datenbank hat zu lange gebraucht.', 'Eine Angabe ist ungültig: It is so.', 'It is so.'])
  })

  it.each([
    ['the value is not valid JSON: see byte 12', 'Der Wert ist kein gültiges JSON: siehe Byte 12.'],
    ['the value must be an object, not an array', 'Der Wert: erwartet wird ein Objekt, nicht eine Liste.'],
    ['file.size must be a whole number or null, not a string', 'file.size: erwartet wird eine ganze Zahl oder null, nicht Text.'],
    ['path must have at most 1,000 items', 'path: erlaubt sind höchstens 1.000 Einträge.'],
    ['An internal message about this item could not be read: file.name is required', 'Eine interne Nachricht darüber war nicht lesbar. file.name fehlt.'],
    ['An internal message about this item could not be read: odd', 'Eine interne Nachricht darüber war nicht lesbar. odd'],
    ['Somebody else says that it must be so, or not.', null],
    ['', null],
  ])('has German for the sentence that a service wrote into the log: %s', async (english, german) => {
    expect(translated(english)).toBe(null)
    await chooseLanguage('de')
    expect(translated(english)).toBe(german)
  })

  it('is nowhere else', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => /\.tsx?$/.test(path))
    const others = files.filter((path) => !path.startsWith(join('text', 'en')) && !path.startsWith(join('text', 'de')))
    const found = others.flatMap((path) => ownText(path, readFileSync(join('src', path), 'utf8')))
    expect(others.length).toBeGreaterThan(50)
    expect(found).toEqual([])
  })

  it.each([
    ['<p>Hello there</p>', ['Hello there']],
    ['<img alt="A picture" className="of a thing" />', ['A picture']],
    ['<Part label="Word" />', ['Word']],
    ['const why = `${count} files failed`', [' files failed']],
    ["throw new ApiError('malformed', 'The API did it.')", ['The API did it.']],
    ["throw new Error('no root element')", []],
    ["const style = 'actions-row'", []],
  ])('is found in %s', (source, found) => {
    expect(ownText('a.tsx', source)).toEqual(found.map((text) => `a.tsx: ${text}`))
  })
})

function texts(words: unknown, at = ''): [string, string][] {
  if (typeof words === 'string') return [[at, words]]
  if (typeof words !== 'object' || words === null) return []
  return Object.entries(words).flatMap(([name, value]) => texts(value, `${at}.${name}`))
}
