package access_test

import (
	"context"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// A person with two keys is still one person: a key that a person made, or that was made for the person, cannot approve that
// person's requests.
func TestTwoKeysOfOnePersonAreNotTwoPeople(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	amina := w.session(t, w.signIn(t, "a few unrelated words", "", "").Session, "")
	open := func(k access.MadeKey) access.Actor { return w.who(t, k.Secret.Reveal(), "") }
	hers := open(w.key(t, amina, access.NewKey{Role: access.Owner, Name: "hers"}))
	second := open(w.key(t, hers, access.NewKey{Role: access.Owner, Name: "made by her key"}))
	forHer := open(w.key(t, boss(), access.NewKey{Role: access.Owner, Name: "for her", Person: " Amina@example.org"}))
	other := w.opened(t, access.NewKey{Role: access.Owner, Name: "somebody else's"})
	others := open(w.key(t, other, access.NewKey{Role: access.Owner, Name: "and made by it"}))
	claimed := open(w.key(t, hers, access.NewKey{Role: access.Owner, Name: "in another's name", Person: "nobody@example.org"}))
	w.Serve(access.Executors{access.ActTariff: func(context.Context, access.Actor, []byte) (access.Done, error) { return access.Done{}, nil }})
	ask := func(by access.Actor) string {
		t.Helper()
		w.now = w.now.Add(1)
		return w.asks(t, by).ID.Text(id.Approval)
	}
	for _, c := range []struct {
		name           string
		maker, checker access.Actor
		want           refusal.Code
	}{
		{"the person and her key", amina, hers, refusal.Forbidden},
		{"her key and the person", hers, amina, refusal.Forbidden},
		{"her key and one that it made", hers, second, refusal.Forbidden},
		{"her key and one made for her", second, forHer, refusal.Forbidden},
		{"her key and one it made in another's name", hers, claimed, refusal.Forbidden},
		{"a key and the one that made it", others, other, refusal.Forbidden},
		{"a key and itself", other, other, refusal.Forbidden},
		{"her key and somebody else's", hers, other, ""},
		{"somebody else's and one made for her", others, forHer, ""},
	} {
		d, err := w.Decide(t.Context(), c.checker, ask(c.maker), access.Decision{Allow: true, Reason: ""})
		if err != nil || d.Code != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, d.Code, err, c.want)
		}
	}
	if k, err := w.CreateAPIKey(t.Context(), boss(), access.NewKey{Role: access.Owner, Person: "nobody@example.org"}); err != nil || k.Code != refusal.NotFound {
		t.Errorf("a key for nobody: %q, %v", k.Code, err)
	}
}
