package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/sts"
)

// People of the utility buy energy too. A person records which meters and telephones are their own, so that whoever approves an action sees
// when it gives money or energy to a colleague. A record is never deleted, and the person cannot end it alone.

// OwnKind is what a person records as their own.
type OwnKind string

// Kinds of records.
const (
	OwnMeter OwnKind = "meter"
	OwnPhone OwnKind = "phone"
)

// Limits of records.
const (
	maxOwn   = 50                  // records of a person, with those that ended, until the person can make no more
	mostOwn  = 500                 // and until nobody can: a person cannot use up the room of others' records
	OwnAfter = 90 * 24 * time.Hour // how long a record still counts after its end
	phoneEnd = 8                   // last digits of a telephone number that are compared; the rest may lack the country
	maxPhone = 15
)

// Own is a meter or a telephone that a person has recorded as their own, or that somebody has recorded for the person.
type Own struct {
	ID        id.ID
	Person    id.ID
	Kind      OwnKind
	Number    string // digits; those of a telephone as they were given
	Key       string // what numbers are compared by, see [OwnKey]
	By        string // who recorded it
	CreatedAt time.Time
	EndedBy   string
	EndedAt   time.Time
}

// Counts reports whether the record counts at a time: until it ends and [OwnAfter] longer.
func (o Own) Counts(now time.Time) bool {
	return o.EndedAt.IsZero() || now.Before(o.EndedAt.Add(OwnAfter))
}

// OwnTx reads and writes the records.
type OwnTx interface {
	AddOwn(Own) error
	// EndOwn stores who ended a record that OwnsOf listed, and when.
	EndOwn(Own) error
	// OwnsOf lists all records of a person, also those that ended, in the order in which they were made.
	OwnsOf(person id.ID) ([]Own, error)
	// OwnsByKey lists all records of a kind with one of some keys.
	OwnsByKey(kind OwnKind, keys []string) ([]Own, error)
}

// OwnKey returns what numbers of a kind are compared by: a meter's digits, or the last 8 digits of a telephone number. It returns "" for a text
// that is no such number.
func OwnKey(kind OwnKind, text string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
	switch {
	case kind == OwnMeter:
		return digits
	case kind != OwnPhone || len(digits) < phoneEnd:
		return ""
	}
	return digits[len(digits)-phoneEnd:]
}

// OwnMark is a record with the name of the person who has the meter or the telephone.
type OwnMark struct {
	Own
	Name  string // name of the person, or the e-mail address if there is none
	Email string
}

// OwnersOf returns who has recorded some meters or telephones as their own, by [OwnKey]. Records of all people count, also of those who were
// blocked since.
func OwnersOf(tx EyesTx, kind OwnKind, numbers []string, now time.Time) (map[string][]OwnMark, error) {
	var keys []string
	for _, n := range numbers {
		if key := OwnKey(kind, n); key != "" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	out := map[string][]OwnMark{}
	for part := range slices.Chunk(keys, 100) {
		rows, err := tx.Owns().OwnsByKey(kind, part)
		if err != nil {
			return nil, err
		}
		for _, o := range rows {
			if !o.Counts(now) {
				continue
			}
			p, _, err := tx.PersonByID(o.Person)
			if err != nil {
				return nil, err
			}
			out[o.Key] = append(out[o.Key], OwnMark{Own: o, Name: p.called(), Email: p.Email})
		}
	}
	return out, nil
}

// WhoseOwn returns who has recorded a meter or a telephone as their own.
func WhoseOwn(tx EyesTx, kind OwnKind, number string, now time.Time) ([]OwnMark, error) {
	all, err := OwnersOf(tx, kind, []string{number}, now)
	return all[OwnKey(kind, number)], err
}

// called is the name by which other people know a person.
func (p PersonRow) called() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Email
}

// Owns are the records of a person.
type Owns struct {
	refusal.Refusal
	Person PersonRow
	Data   []Own
	// MayEnd reports whether the actor may end a record: another person than the one whom it concerns, with the right people.manage.
	MayEnd bool
}

// Owns lists what a person, by id or e-mail address, has recorded as their own (right: people.manage). Everybody may list their own records.
func (a *Access) Owns(ctx context.Context, by Actor, who string) (Owns, error) {
	out, err := Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (Owns, error) {
		p, no, err := sessionsOf(tx, by, who)
		if err != nil || no.Refused() {
			return Owns{Refusal: no}, err
		}
		data, err := tx.Owns().OwnsOf(p.ID)
		no = by.needsPeople()
		return Owns{Person: p, Data: data, MayEnd: by.self() != p.ID && !no.Refused()}, err
	})
	return out, fault.Wrap(err, "list the own meters and telephones of a person")
}

// RecordedOwn is a record after a change.
type RecordedOwn struct {
	refusal.Refusal
	Person PersonRow
	Own    Own
}

// RecordOwn records a meter or a telephone as a person's own. Everybody may record their own; somebody with the right people.manage may record
// it for somebody else. What is recorded already stays as it is.
func (a *Access) RecordOwn(ctx context.Context, by Actor, who string, kind OwnKind, number string) (RecordedOwn, error) {
	if no := by.needsPassword(); no.Refused() {
		return RecordedOwn{Refusal: no}, nil
	}
	o, no := newOwn(kind, number)
	if no.Refused() {
		return RecordedOwn{Refusal: no}, nil
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (RecordedOwn, error) {
		p, no, err := sessionsOf(tx, by, who)
		if err == nil && !no.Refused() {
			p, _, err = tx.People().LockPerson(p.ID)
		}
		if err != nil || no.Refused() {
			return RecordedOwn{Refusal: no}, err
		}
		all, err := tx.Owns().OwnsOf(p.ID)
		if err != nil {
			return RecordedOwn{}, err
		}
		same := func(old Own) bool { return old.Kind == o.Kind && old.Key == o.Key && old.EndedAt.IsZero() }
		if at := slices.IndexFunc(all, same); at >= 0 {
			return RecordedOwn{Person: p, Own: all[at]}, nil
		}
		most := mostOwn
		if by.self() == p.ID {
			most = maxOwn
		}
		if len(all) >= most {
			return RecordedOwn{Refusal: refuse.OwnTooMany(p.Email, int64(most))}, nil
		}
		row := o
		row.Person, row.By, row.CreatedAt = p.ID, by.String(), Stored(a.c.Now())
		if row.ID, err = tx.NewID(); err != nil {
			return RecordedOwn{}, err
		}
		if err := tx.Owns().AddOwn(row); err != nil {
			return RecordedOwn{}, err
		}
		e := by.Entry("person.own", p.ID.Text(id.Person))
		e.After = row.terms()
		return RecordedOwn{Person: p, Own: row}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "record a person's own meter or telephone")
}

// FollowOwn records a meter that takes the place of another one as the own meter of everybody who recorded that one, for as long as that record
// counts.
func FollowOwn(tx EyesTx, newID func() (id.ID, error), old, next string, by Actor, now time.Time) error {
	marks, err := WhoseOwn(tx, OwnMeter, old, now)
	if err != nil {
		return err
	}
	for _, m := range marks {
		o := m.Own
		o.Number, o.Key, o.By, o.CreatedAt = next, OwnKey(OwnMeter, next), by.String(), Stored(now)
		if o.ID, err = newID(); err != nil {
			return err
		}
		if err := tx.Owns().AddOwn(o); err != nil {
			return err
		}
	}
	return nil
}

// EndOwn ends a record (right: people.manage). The person whom it concerns cannot end it. An ended record stays in the list, and counts for
// [OwnAfter] longer.
func (a *Access) EndOwn(ctx context.Context, by Actor, who, own string) (RecordedOwn, error) {
	i, wrong := id.Parse(id.Own, own)
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (RecordedOwn, error) {
		p, no, err := sessionsOf(tx, by, who)
		if err != nil || no.Refused() {
			return RecordedOwn{Refusal: no}, err
		}
		if by.self() == p.ID {
			return RecordedOwn{Refusal: refuse.OwnEndedByOther()}, nil
		}
		if no := by.needsPeople(); no.Refused() {
			return RecordedOwn{Refusal: no}, nil
		}
		if _, _, err := tx.People().LockPerson(p.ID); err != nil {
			return RecordedOwn{}, err
		}
		all, err := tx.Owns().OwnsOf(p.ID)
		if err != nil {
			return RecordedOwn{}, err
		}
		at := slices.IndexFunc(all, func(o Own) bool { return o.ID == i && wrong == nil })
		if at < 0 {
			return RecordedOwn{Refusal: refuse.OwnNotFound(refusal.Echo(own))}, nil
		}
		o := all[at]
		if !o.EndedAt.IsZero() {
			return RecordedOwn{Person: p, Own: o}, nil
		}
		e := by.Entry("person.own-end", p.ID.Text(id.Person))
		e.Before = o.terms()
		o.EndedAt, o.EndedBy = Stored(a.c.Now()), by.String()
		if err := tx.Owns().EndOwn(o); err != nil {
			return RecordedOwn{}, err
		}
		return RecordedOwn{Person: p, Own: o}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "end the record of a person's own meter or telephone")
}

// terms describes a record for the audit log.
func (o Own) terms() string { return string(o.Kind) + "=" + o.Number }

// newOwn reads the number of a meter or a telephone.
func newOwn(kind OwnKind, text string) (Own, refusal.Refusal) {
	number := strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "/", "").Replace(text)
	o := Own{Kind: kind, Number: number, Key: OwnKey(kind, number)}
	switch {
	case kind == OwnMeter:
		if _, err := sts.ParseNumber(number); err != nil {
			return Own{}, refuse.MeterNumberOfWrongForm(refusal.Echo(text))
		}
	case kind != OwnPhone:
		return Own{}, refuse.OwnKindUnknown(refusal.Echo(string(kind)))
	case o.Key == "" || len(number) > maxPhone+1 || strings.Trim(strings.TrimPrefix(number, "+"), "0123456789") != "":
		return Own{}, refuse.PhoneInvalid(phoneEnd, maxPhone)
	}
	return o, refusal.Refusal{}
}
