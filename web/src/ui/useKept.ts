import { useEffect, useState } from 'react'

const kept = new Map<string, unknown>()

/**
 * A state that a change of the language keeps, which makes all components anew. It ends when its component leaves the
 * page. One component at a time may use a name.
 */
export function useKept<Value extends object>(name: string, initial: () => Value): [Value, (value: Value) => void] {
  // The new component is rendered before the effects of the old one are undone.
  const [value, setValue] = useState(() => (kept.get(name) as Value | undefined) ?? initial())
  useEffect(() => {
    kept.set(name, value)
    return () => void kept.delete(name)
  }, [name, value])
  return [value, setValue]
}
