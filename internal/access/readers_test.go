package access_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// TestEventStreamsAreLimited: of one key, of one person with all keys and pages, and in all.
func TestEventStreamsAreLimited(t *testing.T) {
	name := func(n byte) id.ID { var i id.ID; i[0] = n; return i }
	amina := access.Actor{Kind: access.Person, ID: name(1)}
	key := func(n byte) access.Actor { return access.Actor{Kind: access.APIKey, ID: name(n), Answers: amina.ID} }
	till := func(n byte) access.Actor { k := key(n); k.Vendor = name(99); return k }
	r := access.NewReaders(access.MaxOfPerson + 10)
	enter := func(by access.Actor, times int) (leave func()) {
		t.Helper()
		for range times {
			var ok bool
			if leave, ok = r.Enter(by); !ok {
				t.Fatalf("%v was refused below its limit", by.ID)
			}
		}
		return leave
	}
	refused := func(by access.Actor, why string) {
		t.Helper()
		if _, ok := r.Enter(by); ok {
			t.Errorf("a stream above the limit %s was admitted", why)
		}
	}
	leave := enter(key(2), access.MaxOfKey)
	refused(key(2), "of a key")
	enter(key(3), access.MaxOfKey)
	enter(amina, access.MaxOfPerson-2*access.MaxOfKey)
	refused(amina, "of a person")
	refused(key(4), "of a person")
	enter(till(5), access.MaxOfKey)
	refused(till(5), "of a vendor's key")
	leave()
	leave() // a second call changes nothing
	enter(key(4), 1)
	refused(amina, "of a person")
	enter(till(6), 2)
	refused(till(7), "in all")
}
