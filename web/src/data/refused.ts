/** A call that was refused: why, and where in the filter the trouble is, in characters from 0. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly position?: number,
  ) {
    super(message);
  }
}
