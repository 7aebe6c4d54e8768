package access_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
)

// recorded records a meter or a telephone and checks the code of the refusal.
func (w *world) recorded(t *testing.T, by access.Actor, who string, kind access.OwnKind, number string, want refusal.Code) access.Own {
	t.Helper()
	out, err := w.RecordOwn(t.Context(), by, who, kind, number)
	if err != nil || out.Code != want {
		t.Fatalf("record %s %s for %s: %q %s, %v, want %q", kind, number, who, out.Code, out.Detail(), err, want)
	}
	return out.Own
}

// owners returns the names of those who have recorded a number as their own.
func (w *world) owners(t *testing.T, kind access.OwnKind, number string) string {
	t.Helper()
	var names []string
	err := w.engine.View(t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		all, err := access.WhoseOwn(tx, kind, number, w.now)
		for _, o := range all {
			names = append(names, o.Name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestPeopleRecordWhatIsTheirOwn: a person records their own meter and telephone, an owner may do it for somebody else, and whoever asks finds the
// person by either number in any spelling.
func TestPeopleRecordWhatIsTheirOwn(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	juma := w.person(t, "juma@example.org", access.Operator)
	asha := w.person(t, "asha@example.org", access.Owner)

	meter := w.recorded(t, juma, "juma@example.org", access.OwnMeter, "0414 0001-019", "")
	w.recorded(t, asha, "juma@example.org", access.OwnPhone, "+254 711 000 222", "")
	if again := w.recorded(t, juma, juma.ID.Text(id.Person), access.OwnMeter, "04140001019", ""); again.ID != meter.ID {
		t.Errorf("recorded twice: %+v", again)
	}
	for _, number := range []string{"04140001019", "0414 0001 019"} {
		if got := w.owners(t, access.OwnMeter, number); got != "juma@example.org" {
			t.Errorf("meter %s is of %q", number, got)
		}
	}
	for _, number := range []string{"+254711000222", "0711000222", "254 711-000-222"} {
		if got := w.owners(t, access.OwnPhone, number); got != "juma@example.org" {
			t.Errorf("telephone %s is of %q", number, got)
		}
	}
	if got := w.owners(t, access.OwnPhone, "+254711000223") + w.owners(t, access.OwnMeter, "04140002017") + w.owners(t, access.OwnPhone, "222"); got != "" {
		t.Errorf("other numbers are of %q", got)
	}

	w.recorded(t, juma, "asha@example.org", access.OwnMeter, "04140001019", refusal.Forbidden)
	w.recorded(t, juma, "nobody@example.org", access.OwnMeter, "04140001019", refusal.Forbidden)
	w.recorded(t, juma, "juma@example.org", access.OwnMeter, "04140001018", refusal.MeterNumberInvalid)
	w.recorded(t, juma, "juma@example.org", access.OwnPhone, "12345", refusal.InvalidRequest)
	w.recorded(t, juma, "juma@example.org", "car", "04140001019", refusal.InvalidRequest)
	if n := w.audited(t)["person.own"]; n != 2 {
		t.Errorf("%d audit rows, want 2", n)
	}
	if l, err := w.Owns(t.Context(), juma, "asha@example.org"); err != nil || l.Code != refusal.Forbidden {
		t.Errorf("a stranger lists: %q, %v", l.Code, err)
	}
}

// TestAnOwnRecordDoesNotGoAway: the person cannot end it, an ended one stays in the list with who ended it, and it counts for 90 days longer, so that
// nobody hides a meter for the time of one request.
func TestAnOwnRecordDoesNotGoAway(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	juma, asha := w.person(t, "juma@example.org", access.Owner), w.person(t, "asha@example.org", access.Owner)
	o := w.recorded(t, juma, "juma@example.org", access.OwnMeter, "04140001019", "")
	end := func(by access.Actor, own string, want refusal.Code) access.Own {
		t.Helper()
		out, err := w.EndOwn(t.Context(), by, "juma@example.org", own)
		if err != nil || out.Code != want {
			t.Fatalf("ended: %q, %v, want %q", out.Code, err, want)
		}
		return out.Own
	}
	end(juma, o.ID.Text(id.Own), refusal.Forbidden)
	end(asha, id.ID{1}.Text(id.Own), refusal.NotFound)
	end(asha, "own_x", refusal.NotFound)
	ended := end(asha, o.ID.Text(id.Own), "")
	if again := end(boss(), o.ID.Text(id.Own), ""); again != ended || ended.EndedBy != "person asha@example.org" {
		t.Errorf("ended: %+v, again %+v", ended, again)
	}
	l, err := w.Owns(t.Context(), juma, "juma@example.org")
	if err != nil || len(l.Data) != 1 || l.Data[0] != ended || l.MayEnd {
		t.Errorf("listed: %+v, %v", l, err)
	}
	w.now = w.now.Add(access.OwnAfter - time.Second)
	if got := w.owners(t, access.OwnMeter, "04140001019"); got != "juma@example.org" {
		t.Errorf("after the end it is of %q", got)
	}
	w.now = w.now.Add(time.Second)
	if got := w.owners(t, access.OwnMeter, "04140001019"); got != "" {
		t.Errorf("90 days after the end it is of %q", got)
	}
	if n := w.audited(t)["person.own-end"]; n != 1 {
		t.Errorf("%d audit rows of the end, want 1", n)
	}
}

// TestAPersonsOwnListKeepsRoomForOthers: a person who has recorded as much as a person may does not keep others from recording what matters.
func TestAPersonsOwnListKeepsRoomForOthers(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	juma, asha := w.person(t, "juma@example.org", access.Operator), w.person(t, "asha@example.org", access.Owner)
	for n := range 50 {
		w.recorded(t, juma, "juma@example.org", access.OwnPhone, fmt.Sprintf("+2547110%05d", n), "")
	}
	w.recorded(t, juma, "juma@example.org", access.OwnPhone, "+254711900000", refusal.InvalidRequest)
	w.recorded(t, asha, "juma@example.org", access.OwnMeter, "04140001019", "")
}
