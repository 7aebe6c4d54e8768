package store

import (
	"slices"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// verifyMarks checks that the server wrote every row that lets somebody sign in: people, API keys, counter devices, integration logins and
// open sessions. It also checks every command that waits for its meter, and every customer's telephone number. The server accepts no other rows, so a
// finding names an attempt.
func (tx *Tx) verifyMarks(markers []core.Marker, r *Report) error {
	if len(markers) == 0 {
		return tx.verifyMarksThere(r)
	}
	m, err := tx.markerOfDatabase(markers, r)
	if err != nil {
		return err
	}
	if m == nil {
		r.Notice("mark", "The folder's data.key does not belong to this database, so people, API keys, counter devices, integration logins, sessions, waiting commands and telephone numbers were not checked against it.")
		return tx.verifyMarksThere(r)
	}
	tx.Marker = m
	for _, k := range tx.Kinds() {
		if !k.Marked {
			continue
		}
		if err := tx.verifyMarksOf(k, r); err != nil {
			return err
		}
	}
	sessions, err := tx.ForgedLogins(m, func(person id.ID) {
		r.Find("mark", "A session of person %s was added or changed outside the server.", person.Text(id.Person))
	})
	r.Count("sessions", sessions)
	if err != nil {
		return err
	}
	commands, err := tx.ForgedCommands(func(c command.Command, marked bool) {
		if marked {
			r.Find("mark", "Command %s to meter %s was changed outside the server while it waited.", c.ID.Text(id.Command), c.Number)
			return
		}
		r.Notice("mark", "Command %s to meter %s waits without a mark. It was added outside the server, or given before the server marked commands. It is not sent.",
			c.ID.Text(id.Command), c.Number)
	})
	r.Count("waiting commands", commands)
	if err != nil {
		return err
	}
	return tx.verifyNumbers(r)
}

// verifyMarksThere checks what can be checked without the key that made the marks: that the rows have some. A server that marks telephone numbers marks
// every row that lets somebody sign in before them, and says in the audit log that it has marked all. Whoever takes every mark away, so that no key seems
// to belong to the database, leaves that entry, or leaves a gap in the log.
func (tx *Tx) verifyMarksThere(r *Report) error {
	times, err := tx.NumbersMarked()
	if err != nil || times == 0 {
		return err
	}
	tables := []string{"customer", "login"}
	for _, k := range attestedKinds {
		if k.Marked && !slices.Contains(tables, k.Table()) {
			tables = append(tables, k.Table())
		}
	}
	for _, table := range tables {
		unmarked, err := tx.Number(`SELECT COUNT(*) FROM `+table+` WHERE tenant_id = $1 AND mark IS NULL`, tx.Tenant)
		if err != nil {
			return fault.Wrap(err, "count the rows of table %s without a mark", table)
		}
		if unmarked > 0 {
			r.Find("mark", "%d rows of table %s have no mark, but the audit log says that the server has marked them all. "+
				"Somebody has taken the marks away, or added the rows outside the server.", unmarked, table)
		}
	}
	return nil
}

// verifyNumbers checks that the server wrote every telephone number of a customer. Until a server has started after the upgrade, those of older
// versions have no mark.
func (tx *Tx) verifyNumbers(r *Report) error {
	times, err := tx.NumbersMarked()
	if err != nil {
		return err
	}
	unmarked := 0
	all, err := tx.ForgedNumbers(func(customer id.ID, marked bool) {
		if !marked && times == 0 {
			unmarked++
			return
		}
		r.Find("mark", "The telephone number of customer %s, or its hold, was changed outside the server. It decides for no payment. Take it away and enter the right one.", customer.Text(id.Customer))
	})
	if unmarked > 0 {
		r.Notice("mark", "%d customers were registered by an older version, so their telephone numbers could not be checked. The next start of the server marks them.", unmarked)
	}
	if times > 1 {
		r.Find("mark", "The telephone numbers of older versions were marked %d times. The server does it once: somebody has changed the audit log.", times)
	}
	r.Count("telephone numbers", all)
	return err
}

// markerOfDatabase returns the Marker whose key is that of the database; nil if none is. A row of the table meta says which key that is. Whoever can
// write to the database can change that row, but can make no mark. So a key belongs to the database if it made the mark of any row.
func (tx *Tx) markerOfDatabase(markers []core.Marker, r *Report) (core.Marker, error) {
	for _, m := range markers {
		known, err := tx.KeyIs("data", m.KeyMark())
		if err != nil || known {
			return m, err
		}
	}
	for _, m := range markers {
		made, err := tx.madeMarks(m)
		if err != nil {
			return nil, err
		}
		if made {
			r.Find("mark", "The table meta says that data.key does not belong to this database, but rows have marks of that key. "+
				"Somebody has changed the table, or the server ran with another data key than before.")
			return m, nil
		}
	}
	return nil, nil
}

// madeMarks reports whether a Marker made the mark of any row that lets somebody sign in, or of any telephone number.
func (tx *Tx) madeMarks(m core.Marker) (bool, error) {
	defer func(was core.Marker) { tx.Marker = was }(tx.Marker)
	tx.Marker = m
	for _, k := range tx.Kinds() {
		if !k.Marked {
			continue
		}
		forged, all, err := tx.forgedRows(k)
		if err != nil {
			return false, err
		}
		if len(forged) < all {
			return true, nil
		}
	}
	forged := int64(0)
	all, err := tx.ForgedNumbers(func(id.ID, bool) { forged++ })
	return forged < all, err
}

func (tx *Tx) verifyMarksOf(k *core.AttestedKind, r *Report) error {
	forged, _, err := tx.forgedRows(k)
	for _, row := range forged {
		r.Find("mark", "%s %s has a wrong mark: its row was added or changed outside the server.", k.Noun, row.Text(k.Prefix))
	}
	return err
}

// forgedRows lists the rows of a marked kind that the server did not write as they are, and counts all its rows.
func (tx *Tx) forgedRows(k *core.AttestedKind) (forged []id.ID, all int, err error) {
	var rows []id.ID
	note := func(w core.Row) error {
		rows = append(rows, w.ID(0))
		return nil
	}
	err = tx.C.Query(`SELECT `+k.Key+` FROM `+k.Table()+` WHERE tenant_id = $1 ORDER BY `+k.Key, note, tx.Tenant)
	if err != nil {
		return nil, 0, err
	}
	for _, row := range rows {
		genuine, err := tx.Genuine(k, tx.Tenant, row)
		if err != nil {
			return nil, 0, err
		}
		if !genuine {
			forged = append(forged, row)
		}
	}
	return forged, len(rows), nil
}
