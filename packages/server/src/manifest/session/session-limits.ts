/** What one session may hold: hostile content and ad servers must not fill a store. */

/** Breaks of one playlist; less than a session may hold, or those that are listed would be forgotten and decided again. */
export const MAX_LISTED_BREAKS = 250;

/** The oldest break, cookie and claim go when there are more. */
export const SESSION_LIMITS = { breaks: 500, cookies: 50, claims: 10_000 } as const;
