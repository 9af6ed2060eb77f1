//! What is asked for in the same moment is asked for at once: twenty runs, or the curves of all plots in sight.

interface Asked<Q, A> {
  question: Q;
  answer(answer: A): void;
  refuse(error: unknown): void;
}

/**
 * Makes of a call for many questions one for a single question: those of one kind that are asked in the same moment go
 * together. The call gives an answer, or an error, for each of its questions in their order.
 */
export function together<Q, A>(
  kind: (question: Q) => string,
  ask: (questions: Q[]) => Promise<(A | Error)[]>,
): (question: Q) => Promise<A> {
  const waiting = new Map<string, Asked<Q, A>[]>();
  const send = async (name: string) => {
    const asked = waiting.get(name) ?? [];
    waiting.delete(name);
    try {
      const answers = await ask(asked.map(one => one.question));
      asked.forEach((one, at) => {
        const answer = answers[at] as A | Error;
        if (answer instanceof Error) one.refuse(answer);
        else one.answer(answer);
      });
    } catch (error) {
      asked.forEach(one => one.refuse(error));
    }
  };
  return question =>
    new Promise((answer, refuse) => {
      const name = kind(question);
      const group = waiting.get(name);
      const asked = { question, answer, refuse };
      if (group) {
        group.push(asked);
        return;
      }
      waiting.set(name, [asked]);
      queueMicrotask(() => void send(name));
    });
}
