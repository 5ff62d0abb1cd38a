interface Props {
  /** Also in the title of the tab. */
  readonly children: string
  /** Text of the tab's title, if it differs. */
  readonly tab?: string
  readonly id?: string
}

/** The heading of a page. It takes the focus when the page is navigated to. */
export function PageTitle({ children, tab = children, id }: Props) {
  return (
    <>
      <title>{`${tab} – Drivestream`}</title>
      <h1 id={id} tabIndex={-1} data-page-title>
        <bdi>{children}</bdi>
      </h1>
    </>
  )
}
