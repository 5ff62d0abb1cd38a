import type { Words } from '../language'

export const replays: Words['replays'] = {
  title: 'Wiederholungen',
  what: 'Eine Wiederholung verarbeitet Dateien früherer Importe erneut, aus den aufgezeichneten Ereignissen. Auf dieser Seite lassen sich noch keine starten.',
  byCommand: 'Auf der Kommandozeile planen und starten:',
  all: 'Alle Wiederholungen und ihr Fortschritt:',
  one: (id) => `Wiederholung ${id}`,
  state: 'Ihr Fortschritt:',
}
