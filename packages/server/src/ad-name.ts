/**
 * What an ad is called in tracking and reports. `id` of a VAST Ad is optional, and an ad that nobody can name would be lost unseen.
 *
 * @param position in its pod, from 1; 0: not known
 * @returns the id; `#2` for the second ad of a pod where there is none; empty where neither is known, as of whole breaks
 * @see VAST 4.3 §3.3 (Ad)
 */
export function adName(id: string, position: number): string {
  return id === "" && position > 0 ? `#${position}` : id;
}
