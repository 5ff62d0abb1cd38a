/** The page of what the system does now. */
export const flow = {
  title: 'Flow',
  silent: 'The rates are not known, because the monitor is not running.',
  found: 'Found',
  stored: 'Stored',
  failed: 'Failed',
  bytes: 'Copied',
  perSecond: (amount: string) => `${amount}/s`,
  whole: 'Everything that the system says about itself:',
}
