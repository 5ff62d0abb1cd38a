/** The pages of replays. */
export const replays = {
  title: 'Replays',
  what: 'A replay processes files of earlier imports again, from the recorded events. Replays cannot be started on this page yet.',
  byCommand: 'Plan and start one on the command line:',
  all: 'All replays and their progress:',
  one: (id: string) => `Replay ${id}`,
  state: 'Its progress:',
}
