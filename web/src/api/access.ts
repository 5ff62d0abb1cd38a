/**
 * The API key of this session, and the access token that stands for it in URLs, where a browser
 * sends no header. Both are kept until the tab is closed, and are given to our own origin only.
 */
import { useSyncExternalStore } from 'react'

const KEY = 'drivestream.api-key'
const TOKEN = 'drivestream.access-token'
const listeners = new Set<() => void>()

export interface Token {
  readonly token: string
  /** In milliseconds. */
  readonly expiresAt: number
}

export function currentKey(): string | null {
  return sessionStorage.getItem(KEY)
}

export function currentToken(): Token | null {
  const kept = sessionStorage.getItem(TOKEN)
  return kept === null ? null : (JSON.parse(kept) as Token)
}

/** Keeps a key that the API has accepted, and its first token. */
export function keepAccess(key: string, token: Token): void {
  sessionStorage.setItem(KEY, key)
  keepToken(token)
}

export function keepToken(token: Token): void {
  sessionStorage.setItem(TOKEN, JSON.stringify(token))
  for (const listener of listeners) listener()
}

export function authorization(key: string | null): Record<string, string> {
  return key === null ? {} : { authorization: `Bearer ${key}` }
}

/** The URL with the access token, if there is one. It changes when the token is renewed. */
export function useAuthorized(url: string): string {
  return authorized(url, useToken())
}

export function useToken(): string | null {
  return useSyncExternalStore(onAccess, () => currentToken()?.token ?? null)
}

export function authorized(url: string, token: string | null): string {
  return token === null ? url : `${url}${url.includes('?') ? '&' : '?'}access_token=${encodeURIComponent(token)}`
}

/** Calls `listener` when a key or a new token is kept. */
export function onAccess(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
