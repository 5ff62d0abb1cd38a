/** Plans and starts replays, and lists those that there are. */
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { serverNow } from '../api/clock'
import { sentence } from '../api/errors'
import { planReplay, type PlanRequest } from '../api/replays'
import { PlanCard } from '../replays/PlanCard'
import { PlanForm } from '../replays/PlanForm'
import { ReplayList } from '../replays/ReplayList'
import { planRequest } from '../replays/choice'
import { t } from '../text/language'
import { PageTitle } from '../ui/PageTitle'

export function ReplaysPage() {
  const navigate = useNavigate()
  const plan = useMutation({
    mutationFn: async (request: PlanRequest) => ({ request, plan: await planReplay(request) }),
    onSuccess: () => setTimeout(() => document.getElementById('plan')?.focus(), 0),
  })
  const [draft, setDraft] = useState({ name: '', why: '', rate: '' })
  const { replays } = t()
  return (
    <>
      <PageTitle>{replays.title}</PageTitle>
      <p className="lead">{replays.what}</p>
      <div className="replays">
        <PlanForm
          planning={plan.isPending}
          onPlan={(choice) => plan.mutate(planRequest(choice, serverNow()))}
          onChange={() => plan.reset()}
        />
        {plan.error !== null && (
          <p className="note note-bad" role="alert">
            {replays.notPlanned(sentence(plan.error))}
          </p>
        )}
        {plan.data !== undefined && (
          <PlanCard
            plan={plan.data.plan}
            request={plan.data.request}
            draft={draft}
            onDraft={setDraft}
            onPlanAgain={() => plan.mutate(plan.data.request)}
            onStarted={(id) => void navigate({ to: '/replays/$id', params: { id } })}
          />
        )}
      </div>
      <ReplayList />
    </>
  )
}
