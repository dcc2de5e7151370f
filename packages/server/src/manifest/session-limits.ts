/** What one session may hold: hostile content and ad servers must not fill a store. */

/** The oldest break, cookie and claim go when there are more. */
export const SESSION_LIMITS = { breaks: 500, cookies: 50, claims: 10_000 } as const;
