/** As nginx sends them (`nginx.conf.template`), so that the tests in a browser run under the same rules. */
export const HEADERS = {
  'Content-Security-Policy':
    "default-src 'self'; img-src 'self' http: https: data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'same-origin',
}
