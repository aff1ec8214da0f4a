/**
 * A critically damped spring that follows a goal which may itself be moving: it comes as fast as it can without
 * ever swinging past, and lags behind steady growth by nothing. Exact for any step, so slow frames do not shake it.
 */
export interface Spring {
  /** px, px/ms */
  at: number;
  speed: number;
}

/** 1/ms: four fifths of a distance in about 100 ms. */
const STIFF = 0.03;

/** After `ms`, towards `goal`, which moves at `drift` px/ms. */
export function spring({ at, speed }: Spring, goal: number, drift: number, ms: number): Spring {
  const away = at - goal + drift * ms;
  const slip = speed - drift;
  const pull = slip + STIFF * away;
  const left = Math.exp(-STIFF * ms);
  return { at: goal + (away + pull * ms) * left, speed: drift + (slip - STIFF * pull * ms) * left };
}
