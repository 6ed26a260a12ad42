/** A type as JSON has it: the values of enumerations in place of their members. */
export type JsonForm<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends number
      ? `${T}` extends `${infer N extends number}`
        ? N
        : number
      : T extends readonly (infer U)[]
        ? JsonForm<U>[]
        : T extends object
          ? { [K in keyof T]: JsonForm<T[K]> }
          : T;

/** A type of which any field can be left out. */
export type PartOf<T> = T extends readonly (infer U)[]
  ? PartOf<U>[]
  : T extends object
    ? { [K in keyof T]?: PartOf<T[K]> }
    : T;
