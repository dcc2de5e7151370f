/**
 * From what a creative's file says to segments that can be made of it, each with the bytes that it needs, in any order.
 */
import { MediaRefusal, type Movie } from "./movie.ts";
import type { RemuxNeeds, RemuxPlan } from "./segment-job.ts";

/** @throws MediaRefusal */
export function planRemux(movie: Movie, needs: RemuxNeeds): RemuxPlan {
  if (!movie.video) throw new MediaRefusal("unsupported-media-file", "movie: expected pictures, got none");
  throw new MediaRefusal("unsupported-media-file", `packaging ${needs.packaging}: expected a plan, got none`);
}
