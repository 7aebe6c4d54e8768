package access_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"net/netip"
)

// TestNamesOfKeys: the name of a key has at most 64 bytes, none of which controls a terminal.
func TestNamesOfKeys(t *testing.T) {
	r := newRows(t)
	a := r.access(rand.Reader)
	for name, ok := range map[string]bool{
		"": true, strings.Repeat("n", 64): true, strings.Repeat("n", 65): false, strings.Repeat("ä", 32): true, strings.Repeat("ä", 33): false,
		"till 3 ~": true, "a\x1fb": false, "\x7f": false, "\x00": false, "caisse é": true,
	} {
		k, err := a.CreateAPIKey(t.Context(), r.amina(), access.NewKey{Role: access.Owner, Name: name})
		if err != nil || k.Refused() == ok {
			t.Errorf("%q: refused %t, %v; want it taken %t", name, k.Refused(), err, ok)
		}
	}
}

// TestWhatAKeyIsMadeOf: a new key has everything that was requested, and the person behind it.
func TestWhatAKeyIsMadeOf(t *testing.T) {
	r := newRows(t)
	a := r.access(rand.Reader)
	first := r.now.Add(1)
	juma := access.Actor{Tenant: 4, Kind: access.APIKey, ID: id.ID{2}, Answers: id.ID{7}, Role: access.Owner}
	r.keys[[32]byte{}] = access.Key{Tenant: juma.Tenant, ID: juma.ID, Answers: juma.Answers, Role: juma.Role}
	for _, c := range []struct {
		by      access.Actor
		n       access.NewKey
		answers id.ID
	}{
		{r.amina(), access.NewKey{Role: access.VendorAPI, Vendor: shop(), Name: "shop", ExpiresAt: first}, id.ID{7}},
		{juma, access.NewKey{Role: access.Support}, id.ID{7}},
		{juma, access.NewKey{Role: access.Support, Person: aminaEmail}, id.ID{7}},
		{access.SystemActor(1, "test"), access.NewKey{Role: access.Support}, id.ID{7}}, // the only person there is
		{access.SystemActor(1, "test"), access.NewKey{Role: access.Support, Person: " AMINA@example.org\n"}, id.ID{7}},
	} {
		k, err := a.CreateAPIKey(t.Context(), c.by, c.n)
		want := access.Key{Tenant: c.by.Tenant, ID: id.ID{15: byte(r.ids)}, Name: c.n.Name, Role: c.n.Role, Vendor: c.n.Vendor, Answers: c.answers, CreatedAt: r.now, ExpiresAt: c.n.ExpiresAt}
		if err != nil || k.Key != want || r.keys[keyForm(k.Secret)] != want {
			t.Errorf("by %s: %+v, stored %+v, %v; want %+v", c.by, k.Key, r.keys[keyForm(k.Secret)], err, want)
		}
		known, err := a.ByAPIKey(t.Context(), k.Secret.Reveal(), netip.Addr{})
		by := known.Actor
		if by.Name == want.ID.Text(id.Key) {
			by.Name = ""
		}
		if as := (access.Actor{Tenant: want.Tenant, Kind: access.APIKey, ID: want.ID, Name: want.Name, Role: want.Role, Vendor: want.Vendor, Answers: want.Answers}); err != nil || by != as {
			t.Errorf("it opens %+v, %v; want %+v", by, err, as)
		}
	}
	if _, err := a.APIKeys(t.Context(), r.amina(), id.ID{}); err != nil || r.most != 200 {
		t.Errorf("%v, a list has %d keys, want 200", err, r.most)
	}
}

// TestAKeyOfAnUnknownRoleIsNone: a key is refused if this version does not know its role, such as a role of a newer version.
func TestAKeyOfAnUnknownRoleIsNone(t *testing.T) {
	r := newRows(t)
	r.keys[keyForm(access.SecretOf(knownKey))] = access.Key{Role: "root"}
	if k, err := r.access(rand.Reader).ByAPIKey(t.Context(), knownKey, netip.Addr{}); err != nil || k.Code != refusal.Unauthenticated || k.Actor != (access.Actor{}) {
		t.Errorf("%+v, %v", k, err)
	}
}

// TestTheStoreIsNotAskedAboutWhatIsNoSecret: a text that cannot be a key or a session is refused without a query.
func TestTheStoreIsNotAskedAboutWhatIsNoSecret(t *testing.T) {
	r := newRows(t)
	a := r.access(rand.Reader)
	for _, secret := range []string{"", knownKey + "x", knownKey[:len(knownKey)-1], "x" + knownKey[1:], strings.Repeat("x", 46)} {
		if k, err := a.ByAPIKey(t.Context(), secret, netip.Addr{}); err != nil || k.Code != refusal.Unauthenticated || len(r.calls) > 0 {
			t.Errorf("key %q: %q, %v, calls %v", secret, k.Code, err, r.calls)
		}
	}
	if k, err := a.ByLogin(t.Context(), 1, ""); err != nil || k.Code != refusal.Unauthenticated || len(r.calls) > 0 {
		t.Errorf("no session: %q, %v, calls %v", k.Code, err, r.calls)
	}
}

// TestTooFewRandomBytesAreAnError: each use case reads exactly the random bytes that it needs, and fails if it gets fewer.
func TestTooFewRandomBytesAreAnError(t *testing.T) {
	if a, err := access.New(access.Config{Hasher: storetest.Hasher{}, Argon: cheap(), Rand: io.LimitReader(rand.Reader, 47)}); err == nil || a != nil || err.Error() != "make a decoy hash: unexpected EOF" {
		t.Errorf("47 bytes for a decoy: %v", err)
	}
	for _, c := range []struct {
		name  string
		needs int64
		does  func(context.Context, *rows, *access.Access) error
		want  string
	}{
		{"a key", 32, func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.CreateAPIKey(ctx, r.amina(), access.NewKey{Role: access.Owner}))
		}, "create API key: generate a secret: "},
		{"a person", 32, func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.Invite(ctx, r.amina(), access.NewPerson{Email: "juma@example.org", Role: access.Support}))
		}, "invite: generate a secret: "},
		{"a session", 32, func(ctx context.Context, _ *rows, a *access.Access) error {
			return yes(a.SignIn(ctx, 1, aminaEmail, goodPassword, "", access.Browser{}))
		}, "sign in: generate a secret: "},
	} {
		r := newRows(t)
		if err := c.does(t.Context(), r, r.access(io.LimitReader(rand.Reader, 48+c.needs))); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		r = newRows(t)
		if err := c.does(t.Context(), r, r.access(io.LimitReader(rand.Reader, 48+c.needs-1))); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s of a byte less: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestTheCostOfAPassword: hashing a password costs what RFC 9106 recommends, unless the configuration gives another cost.
func TestTheCostOfAPassword(t *testing.T) {
	if got := access.DefaultArgon(); got != (access.Argon{Time: 3, MemoryKiB: 65536, Threads: 4}) {
		t.Errorf("the cost is %+v", got)
	}
	for want, cost := range map[string]access.Argon{"$argon2id$v=19$m=65536,t=3,p=4,f=nfc$": {}, "$argon2id$v=19$m=8,t=1,p=1,f=nfc$": cheap()} {
		r := newRows(t)
		a, err := access.New(access.Config{Hasher: storetest.Hasher{}, FactorOptional: true, Door: r, Now: time.Now, Rand: rand.Reader, Argon: cost})
		if err != nil {
			t.Fatal(err)
		}
		clear(r.people)
		if err := yes(a.CreateOwner(t.Context(), access.SystemActor(1, "test"), access.NewOwner{Email: "juma@example.org", Password: access.SecretOf(goodPassword)})); err != nil {
			t.Fatal(err)
		}
		if got := r.people["juma@example.org"].Password; !strings.HasPrefix(got, want) || len(got) != len(want)+22+1+43 {
			t.Errorf("the hash is %s, want %s with a salt of 16 bytes and a hash of 32", got, want)
		}
	}
}

// TestBoundsOfAPasswordHash tests each figure of a stored hash with a value just inside its bound and a value just outside it.
func TestBoundsOfAPasswordHash(t *testing.T) {
	const salt, hash = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	of := func(cost string) string { return "$argon2id$v=19$" + cost + "$" + salt + "$" + hash }
	for encoded, ok := range map[string]bool{
		of("m=8,t=1,p=1"): true, of("m=8,t=64,p=1"): true, of("m=8,t=65,p=1"): false, of("m=8,t=0,p=1"): false,
		of("m=7,t=1,p=1"): false, of("m=16,t=1,p=2"): true, of("m=15,t=1,p=2"): false, of("m=2040,t=1,p=255"): true, of("m=2039,t=1,p=255"): false,
		of("m=8,t=1,p=0"): false, of("m=2048,t=1,p=256"): false, of("m=1048577,t=1,p=1"): false, of("m=8,t=1"): false, of("t=1,m=8,p=1"): false,
		"$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbA$" + hash:         false, // a salt of 7 bytes
		"$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHS$" + hash:        false, // bits beyond the salt's end
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + hash[:42]:  false,
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + hash + "A": false,
		of("m=8,t=1,p=1") + "$":                                 false,
		"x" + of("m=8,t=1,p=1"):                                 false,
		"$argon2d$v=19$m=8,t=1,p=1$" + salt + "$" + hash:        false,
		"$argon2id$v=16$m=8,t=1,p=1$" + salt + "$" + hash:       false,
		"$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRz!$" + hash:      false, // 9 bytes, and not base64
		"$argon2id$v=19$m=8,t=1,p=1$!$" + hash:                  false,
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$!":             false,
	} {
		match, err := access.VerifyPassword(encoded, "x")
		if match || (err == nil) != ok || !ok && !errors.Is(err, access.ErrPasswordHash) {
			t.Errorf("%s: %t, %v; want it readable %t", encoded, match, err, ok)
		}
	}
}

// TestAnUnreadableHashIsAnError checks that it is an error of the server and not a wrong password.
func TestAnUnreadableHashIsAnError(t *testing.T) {
	r := newRows(t)
	r.people[aminaEmail] = access.PersonRow{ID: id.ID{7}, Password: "plain"}
	if in, err := r.access(rand.Reader).SignIn(t.Context(), 1, aminaEmail, goodPassword, "", access.Browser{}); !errors.Is(err, access.ErrPasswordHash) || in.Refused() || len(r.log) > 0 {
		t.Errorf("%+v, %v, noted %v", in, err, r.log)
	}
}

// TestTheLongestPassword checks that 128 characters of 4 bytes work; a longer text is not even compared.
func TestTheLongestPassword(t *testing.T) {
	for _, c := range []struct {
		password string
		want     refusal.Code
	}{
		{strings.Repeat("😀", 127) + "😁", ""},
		{strings.Repeat("😀", 127) + "😁x", refusal.Unauthenticated},
	} {
		r := newRows(t)
		a := r.access(rand.Reader)
		hash, err := access.HashPassword(c.password, cheap(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		r.people[aminaEmail] = access.PersonRow{ID: id.ID{7}, Email: aminaEmail, Role: access.Owner, Password: hash}
		if in, err := a.SignIn(t.Context(), 1, aminaEmail, c.password, "", access.Browser{}); err != nil || in.Code != c.want {
			t.Errorf("%d bytes: %q, %v, want %q", len(c.password), in.Code, err, c.want)
		}
	}
}

// TestNoCommonPassword: listed passwords are refused in any letter case and between digits and signs, and so is one character repeated.
func TestNoCommonPassword(t *testing.T) {
	for _, password := range []string{"administrator", "ADMINISTRATOR", "godisgood2026", "GodIsGood!!!!", "123456789012", "aaaaaaaaaaaa", "AaAaAaAaAaAa", strings.Repeat("ü", 12), strings.Repeat(" ", 20)} {
		if no := access.CheckPassword(password); no.Code != refusal.InvalidRequest {
			t.Errorf("%q is taken", password)
		}
	}
	for _, password := range []string{"aaaaaaaaaaab", "baaaaaaaaaaa", "aaaaaabaaaaa", "xpassword of mine", "godisgreat all day"} {
		if no := access.CheckPassword(password); no.Refused() {
			t.Errorf("%q: %s", password, no.Detail())
		}
	}
}

// TestTextsThatAreTaken checks which texts a database can store, which texts have only printable ASCII characters, and which texts fit on
// one line of five characters.
func TestTextsThatAreTaken(t *testing.T) {
	for s, want := range map[string][3]bool{ // IsText, Printable, OneLine of at most 5 characters
		"":          {true, true, true},
		" ~":        {true, true, true},
		"abcde":     {true, true, true},
		"abcdef":    {true, true, false},
		"äöüéñ":     {true, false, true},
		"äöüéñß":    {true, false, false},
		"a\x1f":     {false, false, false},
		"a\x7f":     {false, false, false},
		"a\n":       {true, false, false},
		"a\u0085":   {false, false, false},
		"a\u2028":   {false, false, false},
		"a\u2029":   {false, false, false},
		"a\u202eb":  {false, false, false},
		"a\u061cb":  {false, false, false},
		"a\u200fb":  {false, false, false},
		"a\u2066b":  {false, false, false},
		"a\u200bb":  {false, false, false},
		"a\ufeffb":  {false, false, false},
		"a\u00adb":  {false, false, false},
		"a\u200cb":  {true, false, true},
		"a\u200db":  {true, false, true},
		"a\u00a0b":  {true, false, true},
		"a\x00":     {false, false, false},
		"a\xff":     {false, false, false},
		"\xed\xa0z": {false, false, false},
	} {
		if got := [3]bool{access.IsText(s), access.Printable(s), access.OneLine(s, 5)}; got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}

// TestWhatPeoplePasteIsUnmarked: what nobody sees goes away, and what must not be in a line stays, so that it is refused.
func TestWhatPeoplePasteIsUnmarked(t *testing.T) {
	for s, want := range map[string][2]string{ // Unmark, UnmarkText
		"":                             {"", ""},
		" a  b ":                       {" a  b ", " a  b "}, // typed, not pasted
		"\u202a0414\u202c":             {"0414", "0414"},
		"\u20660414\u2069":             {"0414", "0414"},
		"04\u200e14\u200f15\u061c":     {"041415", "041415"},
		"\ufeff0\u200b4\u2060\u00ad":   {"04", "04"},
		"0414\t":                       {"0414", "0414\t"},
		"\t0414 0001\r\n":              {"0414 0001", "\t0414 0001\r\n"},
		"Amina\tA.":                    {"Amina A.", "Amina\tA."},
		"a\u2028b\u2029c\u0085d\ve\ff": {"a b c d e f", "a\u2028b\u2029c\u0085d\ve\ff"},
		"\u202a x ":                    {"x", " x "},
		"\u0645\u200c\u0647\u200d":     {"\u0645\u200c\u0647\u200d", "\u0645\u200c\u0647\u200d"},
		"a\u00a0b":                     {"a\u00a0b", "a\u00a0b"},
		"a\x00b":                       {"a\x00b", "a\x00b"},
		"\x1b[2J\x7f":                  {"\x1b[2J\x7f", "\x1b[2J\x7f"},
		"\u202aa\xff":                  {"\u202aa\xff", "\u202aa\xff"},
		"a\t\xff":                      {"a\t\xff", "a\t\xff"},
	} {
		if got := [2]string{access.Unmark(s), access.UnmarkText(s)}; got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
	for _, r := range []rune{'\u202a', '\u2066', '\u200e', '\u200b', '\t', '\n', '\u2028'} { // whatever Unmark knows is refused without it
		if s := "a" + string(r) + "b"; access.IsLine(s) || !access.IsLine(access.Unmark(s)) {
			t.Errorf("%q: a line is %t, and unmarked %t", s, access.IsLine(s), access.IsLine(access.Unmark(s)))
		}
	}
}

// TestFormsOfLines: names and values are lines.
func TestFormsOfLines(t *testing.T) {
	for _, c := range []struct {
		form map[string][]string
		want bool
	}{
		{nil, true}, {map[string][]string{"a": {"1", "2"}, "b": nil}, true}, {map[string][]string{"a\n": {"1"}}, false}, {map[string][]string{"a": {"1", "2\n"}}, false},
		{map[string][]string{"\x00": nil}, false}, {map[string][]string{"a": {"\u202a"}, "b": {"1"}}, false},
	} {
		if got := access.AreLines(c.form); got != c.want {
			t.Errorf("%q: %t, want %t", c.form, got, c.want)
		}
	}
}

// TestStoredTimes: stored times are whole microseconds in UTC, rounded down.
func TestStoredTimes(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 5000, time.UTC)
	for _, in := range []time.Time{at, at.Add(999), at.In(time.FixedZone("east", 3*60*60)).Add(1)} {
		if got := access.Stored(in); got != at {
			t.Errorf("%s is stored as %s, want %s", in, got, at)
		}
	}
	now := time.Now()
	if got := access.Stored(now); got != got.Round(0) {
		t.Errorf("%s carries the reading of a running clock", fmt.Sprint(got))
	}
}
