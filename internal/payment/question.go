package payment

// Questions that a provider answers by a call of its own.

import "time"

// answerPause is the shortest time between two questions that a provider answers later.
const answerPause = time.Minute

// askedLater stores a question that the provider answers later. The answer may have come already.
func askedLater(tx Tx, p Payment, a Answer) error {
	q := Question{Provider: p.Provider, Name: cut(a.Question, MaxTxn), Payment: p.ID, AskedAt: tx.Moment()}
	if err := tx.Requests().AddQuestion(q); err != nil {
		return err
	}
	return readWaiting(tx, q.Provider, q.Name)
}

// replied acts on the answer to an earlier question. An answer that cites no open question of the server, or another payment, changes nothing:
// anybody could have sent it.
func (w Worker) replied(tx Tx, provider Provider, a Adapter, n Notice) error {
	q, found, err := tx.Requests().QuestionNamed(provider.Name, n.Question)
	if err != nil || !found {
		return err
	}
	p, found, err := tx.Payments().PaymentByID(q.Payment)
	if err != nil || !found || n.Txn != "" && !SameName(a.Rules().Names)(n.Txn, p) {
		return err
	}
	n.Answer = judged(a.Rules(), p, n.Answer)
	if err := tx.Requests().AnswerQuestion(q, tx.Moment(), n.Answer.Outcome); err != nil {
		return err
	}
	waits := waitsForAnswer(p)
	switch {
	case n.Answer.Outcome == Differs && !waits:
		return w.ps.keepAnswer(tx, provider, p, n.Answer)
	case n.Answer.Outcome == Back && !waits:
		return takeBack(tx, p, true)
	case n.Answer.Outcome == Never && waits:
		nevers, err := tx.Requests().AnswersLike(p.ID, Never)
		if err != nil {
			return err
		}
		if p.Reason, p.Detail = NeverTaken, ""; nevers > len(pauses) {
			p.State, p.Proof = Rejected, Asked
			return note(tx, p, "payment.reject", tx.Payments().PutPayment(p))
		}
		return tx.Payments().PutPayment(p)
	case waits && n.Answer.Outcome != Pending && (n.Answer.Outcome != Took || isReal(n.Answer.Amount)):
		_, err := w.answered(tx, provider, p, n.Answer, nil, 0)
		return err
	}
	return nil
}
