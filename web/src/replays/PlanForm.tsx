/** Chooses what is to be processed again. The URL has the choice, so that a link can propose one. */
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { serverNow } from '../api/clock'
import { CommandsButton } from '../commands/CommandsButton'
import { useImports } from '../queries'
import { t } from '../text/language'
import { Retry } from '../ui/Retry'
import { ImportChoice } from './ImportChoice'
import { ReasonChoice } from './ReasonChoice'
import { PERIODS, planRequest, WHATS, type Choice, type What } from './choice'
import { planCommand } from './commands'

interface Props {
  readonly planning: boolean
  readonly onPlan: (choice: Choice) => void
  /** What was planned no longer is what is chosen. */
  readonly onChange: () => void
}

export function PlanForm({ planning, onPlan, onChange }: Props) {
  const { what = 'failed', imports = [], reasons = [] } = useSearch({ from: '/replays' })
  const navigate = useNavigate({ from: '/replays' })
  const newest = useImports()
  const [every, setEvery] = useState(imports.length === 0)
  const [hours, setHours] = useState(0)
  const [force, setForce] = useState(false)
  const [missing, setMissing] = useState(false)
  const words = t().replays.form
  const choice = { what, imports: every ? [] : imports, reasons, hours, force }

  function choose(changes: { what?: What; imports?: string[]; reasons?: string[] }) {
    setMissing(false)
    onChange()
    void navigate({ search: (old) => ({ ...old, ...changes }), replace: true, resetScroll: false })
  }

  function changed(change: () => void) {
    change()
    setMissing(false)
    onChange()
  }

  function submit(event: FormEvent) {
    event.preventDefault()
    const unchosen = !every && imports.length === 0
    setMissing(unchosen)
    if (!planning && !unchosen) onPlan(choice)
  }

  return (
    <form className="card replay-form" onSubmit={submit} aria-labelledby="replay-form">
      <h2 id="replay-form">{words.title}</h2>
      <fieldset>
        <legend>{words.what}</legend>
        {WHATS.map((one) => (
          <label key={one} className="choice">
            <input type="radio" name="what" value={one} checked={one === what} onChange={() => choose({ what: one })} />
            <span className="choice-text">
              {words.whats[one][0]} <span className="quiet">{words.whats[one][1]}</span>
            </span>
          </label>
        ))}
        {what === 'all' && (
          <label className="choice choice-below">
            <input type="checkbox" checked={force} onChange={(event) => changed(() => setForce(event.target.checked))} />
            <span>{words.force}</span>
          </label>
        )}
      </fieldset>
      <fieldset>
        <legend>{words.which}</legend>
        <label className="choice">
          <input type="radio" name="which" checked={every} onChange={() => changed(() => setEvery(true))} />
          <span>{words.every}</span>
        </label>
        <label className="choice">
          <input type="radio" name="which" checked={!every} onChange={() => changed(() => setEvery(false))} />
          <span>{words.chosen}</span>
        </label>
        {!every && (
          <Retry what={t().start.imports} error={newest.error} hasOlder={newest.data !== undefined} onRetry={() => void newest.refetch()} />
        )}
        {!every && <ImportChoice known={newest.data?.items ?? []} chosen={imports} onChange={(ids) => choose({ imports: ids })} />}
        <p className="field-problem" role="alert">
          {missing && words.missing}
        </p>
      </fieldset>
      {what === 'failed' && <ReasonChoice imports={choice.imports} chosen={reasons} onChange={(some) => choose({ reasons: some })} />}
      <label className="period">
        {words.when}
        <select value={hours} onChange={(event) => changed(() => setHours(Number(event.target.value)))}>
          {PERIODS.map((period) => (
            <option key={period} value={period}>
              {words.periods[period]}
            </option>
          ))}
        </select>
      </label>
      <span className="act">
        <button type="submit" className="primary" aria-disabled={planning}>
          {planning ? words.planning : words.plan}
        </button>
        <CommandsButton what={words.plan} commands={() => [planCommand(planRequest(choice, serverNow()))]} />
      </span>
      <p className="quiet">{words.nothingStarts}</p>
    </form>
  )
}
