/** Exactly what a replay would do, and the form that starts it. */
import type { Plan, PlanRequest } from '../api/replays'
import { Commands } from '../commands/Commands'
import { byCount } from '../imports/progress'
import { counted, formatBytes, formatCount, formatDuration } from '../text/format'
import { t } from '../text/language'
import { heading } from '../text/reasons'
import { Fact } from '../ui/Fact'
import { Time } from '../ui/Time'
import { StartForm, type Draft } from './StartForm'
import { planCommand } from './commands'

interface Props {
  readonly plan: Plan
  readonly request: PlanRequest
  readonly draft: Draft
  readonly onDraft: (draft: Draft) => void
  /** Makes the same plan anew. */
  readonly onPlanAgain: () => void
  readonly onStarted: (replayId: string) => void
}

export function PlanCard({ plan, request, ...start }: Props) {
  const words = t().replays.plan
  const records = request.select['dead_letters'] === true
  const what = records ? counted(plan.files, ...words.record) : counted(plan.files, ...t().common.file)
  return (
    <section className="card replay-plan" aria-labelledby="plan">
      <h2 id="plan" tabIndex={-1}>
        {plan.files === 0 ? words.nothing : words.title(what)}
      </h2>
      {plan.files === 0 ? <p>{words.whyNothing}</p> : <Counts plan={plan} records={records} />}
      {notes(plan).map((note) => (
        <p key={note} className="note">
          {note}
        </p>
      ))}
      <p className="quiet">
        {words.madeAt} <Time at={plan.madeAt} precise />. {words.validity}
        {plan.earliest !== null && (
          <>
            {' '}
            {words.earliest} <Time at={plan.earliest} />.
          </>
        )}
      </p>
      <details>
        <summary>{t().report.actions.commands}</summary>
        <Commands commands={[planCommand(request, undefined, plan.id)]} />
        <p className="plan-id">
          {words.id} <code>{plan.id.slice(0, 24)}…</code>
        </p>
      </details>
      {plan.files > 0 && <StartForm key={plan.id} planId={plan.id} {...start} />}
    </section>
  )
}

function Counts({ plan, records }: { plan: Plan; records: boolean }) {
  const words = t().replays.plan
  const reasons = byCount(plan.byReason).map(([reason, count]) => `${heading(reason)} (${formatCount(count)})`)
  const outcomes = byCount(plan.byOutcome).map(([outcome, count]) => `${formatCount(count)} ${words.outcomes(outcome)}`)
  return (
    <>
      <dl className="facts">
        {!records && <Fact name={words.imports}>{formatCount(plan.imports)}</Fact>}
        {plan.bytes > 0 && <Fact name={words.size}>{formatBytes(plan.bytes)}</Fact>}
        <Fact name={words.downloads}>{plan.quotaUnits === 0 ? words.noDownloads : words.units(formatCount(plan.quotaUnits))}</Fact>
        {plan.seconds !== null && plan.quotaUnits > 0 && <Fact name={words.takes}>{words.atLeast(formatDuration(Math.max(1, plan.seconds)))}</Fact>}
        {plan.noOp > 0 && <Fact name={words.unchanged}>{counted(plan.noOp, ...t().common.file)}</Fact>}
        <Fact name={records ? words.topics : words.now}>{outcomes.join(', ')}</Fact>
      </dl>
      {reasons.length > 0 && (
        <p>
          {words.reasons} {reasons.join(', ')}
        </p>
      )}
      {plan.samples.length > 0 && (
        <ul className="preview-names" aria-label={words.samples}>
          {plan.samples.map((name, index) => (
            // oxlint-disable-next-line react/no-array-index-key -- two files may have one name
            <li key={index} title={name.slice(0, 300)}>
              <bdi>{name.slice(0, 300)}</bdi>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

function notes(plan: Plan): string[] {
  const words = t().replays.plan
  return [
    plan.leftOut > 0 && words.leftOut(plan.leftOut, formatCount(plan.leftOut)),
    plan.unread > 0 && words.unread,
    plan.unreadable > 0 && words.unreadable(plan.unreadable, formatCount(plan.unreadable)),
  ].filter((note) => note !== false)
}
