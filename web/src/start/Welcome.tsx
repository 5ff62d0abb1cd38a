import { t } from '../text/language'

/** Shown before the first import. */
export function Welcome() {
  const { title, steps } = t().start.welcome
  return (
    <section className="welcome" aria-labelledby="welcome">
      <h2 id="welcome">{title}</h2>
      <ol>
        {steps.map(([what, more]) => (
          <li key={what}>
            <b>{what}</b> {more}
          </li>
        ))}
      </ol>
    </section>
  )
}
