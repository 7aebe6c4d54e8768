package notify

// Reasons why a waiting message must not go to its number any more.
const (
	notRegistered = "the number is not registered any more"
	notWanted     = "the customer wants no such messages (STOP)"
)

// withdrawn returns the reason why a waiting message must not go to its number any more; empty if the message may go. The number
// was stored when the message was queued, and a message lives for days. Meanwhile a SIM may be changed, a telephone sold, or an
// occupant may move out. A message about a meter goes only to the number that is registered when it is sent. A text that a person
// wrote goes to its number, unless the customer has sent STOP since.
func withdrawn(tx Tx, m Message) (string, error) {
	if m.Purpose == PurposeMeter {
		sim, err := tx.Recipients().SIMOf(m.Meter)
		if err == nil && Canonical(sim) != m.Phone {
			return notRegistered, nil
		}
		return "", err
	}
	if m.Number == "" || m.Incoming {
		return "", nil
	}
	to, found, err := tx.Recipients().NoticeTo(m.Number)
	switch {
	case err != nil:
		return "", err
	case m.Purpose != PurposeWritten && (!found || Canonical(to.Phone) != m.Phone):
		return notRegistered, nil
	case found && !to.Notices && m.Purpose.unwanted() && to.Customer == m.Customer:
		return notWanted, nil
	}
	return "", nil
}

// withdraw ends a message that must not go to its number any more, and reports whether it has ended the message. A withdrawn
// warning that must precede a cut-off does not count as sent. It is queued again for the new number, so that nobody is cut off
// without the warning.
func (d *Dispatcher) withdraw(tx Tx, m Message) (bool, error) {
	why, err := withdrawn(tx, m)
	if err != nil || why == "" {
		return false, err
	}
	wasGiven := isNoticeSent(m)
	m.end(Suppressed, why, d.c.Now())
	if err := tx.MessagePut(m); err != nil {
		return false, err
	}
	if err := d.note(tx, m); err != nil || !m.Purpose.cuts() || wasGiven {
		return true, err
	}
	to, found, err := tx.Recipients().NoticeTo(m.Number)
	if err != nil || !found || to.Customer != m.Customer {
		return true, err // the message was for a former occupant
	}
	again, err := Queue(tx, Draft{Purpose: m.Purpose, Args: m.Args, Phone: to.Phone, Lang: to.Lang, Customer: to.Customer, Meter: m.Meter, Number: m.Number}, d.c.Now())
	if err != nil {
		return true, err
	}
	return true, noteNoticeSent(tx, again)
}
