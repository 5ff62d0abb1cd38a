import { stateWords } from '../text/states'

export function StateChip({ state }: { state: string }) {
  const { label, tone } = stateWords(state)
  return <span className={`chip chip-${tone}`}>{label}</span>
}
