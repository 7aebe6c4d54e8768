package keystore_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

const (
	hex02 = "abababababababab"
	hex04 = "abababababababab949494949494949401234567"
	pass  = "correct horse battery staple"
)

// cheap lowers the costs of the key derivation to keep tests fast. One test uses the real costs.
func cheap() keystore.Config {
	return keystore.Config{Params: keystore.Params{Time: 1, MemoryKiB: 64, Threads: 1}}
}

func open(t *testing.T, dir string) *keystore.Store {
	t.Helper()
	s, err := keystore.Open(dir, cheap())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func unlocked(t *testing.T, dir string) *keystore.Store {
	t.Helper()
	s := open(t, dir)
	if err := s.Unlock([]byte(pass)); err != nil {
		t.Fatal(err)
	}
	return s
}

func vendingKey(t *testing.T, digits string) sts.VendingKey {
	t.Helper()
	k, err := keystore.ReadVendingKey(strings.NewReader(digits))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func fact02() keystore.Fact {
	return keystore.Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255, Test: true}
}

func add(t *testing.T, s *keystore.Store, f keystore.Fact, digits string) {
	t.Helper()
	no, err := s.Add(f, vendingKey(t, digits))
	if err != nil || no.Refused() {
		t.Fatalf("add %s: %v, %s", f, err, no.Detail())
	}
}

// order returns a sale of 34.7 kWh to meter 04140001001 under fact02.
func order(t *testing.T) vending.IssueRequest {
	t.Helper()
	pan, err := sts.ParseNumber("04140001001")
	if err != nil {
		t.Fatal(err)
	}
	amount, err := sts.EncodeTenths(347)
	if err != nil {
		t.Fatal(err)
	}
	return vending.IssueRequest{KEN: 255, Simulated: true,
		Attributes: sts.Attributes{SGC: "123456", KRN: 1, KT: sts.DUTK, TI: "01", EA: sts.EA07, DKGA: sts.DKGA02, BaseDate: sts.Base2014, PAN: pan},
		Credit:     sts.Credit{RND: 5, TID: 6777094, Amount: amount}}
}

// issue issues a token and fails the test if there is none.
func issue(t *testing.T, s *keystore.Store, o vending.IssueRequest) sts.Token {
	t.Helper()
	a, err := s.Issuer().Issue(context.Background(), o)
	if err != nil || a.Outcome != vending.Made {
		t.Fatalf("issue: outcome %d, %v, %s", a.Outcome, err, a.Detail())
	}
	return a.Token
}

func TestKeyIsUsedFromTheNextRequestOnByAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	server := unlocked(t, dir) // started before the key store existed
	if server.Locked() {
		t.Fatal("a server with a passphrase and no key store is locked")
	}
	if no := server.Issuer().Check(t.Context(), order(t)); no.Code != refusal.KeyMissing {
		t.Fatalf("check without a key: got %q, want %q", no.Code, refusal.KeyMissing)
	}
	add(t, unlocked(t, dir), fact02(), hex02) // like the command line, which is another process
	first := issue(t, server, order(t))
	if again := issue(t, server, order(t)); again.Reveal() != first.Reveal() {
		t.Error("the same order gave another token")
	}
	other := fact02()
	other.SGC, other.DKGA = "654321", sts.DKGA04
	add(t, unlocked(t, dir), other, hex04)
	o := order(t)
	o.Attributes.SGC, o.Attributes.DKGA = "654321", sts.DKGA04
	issue(t, server, o)
	facts, err := server.List()
	if err != nil || len(facts) != 2 || facts[0] != fact02() || facts[1] != other {
		t.Errorf("List() = %v, %v, want both facts", facts, err)
	}
}

func TestTokenIsThatOfTheMetersKey(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	add(t, s, fact02(), hex02)
	o := order(t)
	key, err := sts.DeriveKey(vendingKey(t, hex02), o.Attributes)
	if err != nil {
		t.Fatal(err)
	}
	want, err := sts.EncodeCredit(key, o.Credit)
	if err != nil {
		t.Fatal(err)
	}
	if got := issue(t, s, o); got.Reveal() != want.Reveal() {
		t.Errorf("token %s, want %s", got.Reveal(), want.Reveal())
	}
	decoder, ok := s.DecoderKey(o.Attributes)
	if !ok || !decoder.Equal(key) {
		t.Error("DecoderKey does not give the meter's key under a test key")
	}
}

func TestFactsAreReadWithoutThePassphraseAndKeysAreNot(t *testing.T) {
	dir := t.TempDir()
	add(t, unlocked(t, dir), fact02(), hex02)
	s := open(t, dir)
	if facts, err := s.List(); err != nil || len(facts) != 1 || facts[0] != fact02() {
		t.Errorf("List() of a locked store = %v, %v", facts, err)
	}
	if !s.Locked() {
		t.Error("a store without its passphrase is not locked")
	}
	if _, ok := s.DecoderKey(order(t).Attributes); ok {
		t.Error("a locked store gave a decoder key")
	}
	a, err := s.Issuer().Issue(t.Context(), order(t))
	if err != nil || a.Outcome != vending.Declined || a.Code != refusal.KeystoreLocked {
		t.Errorf("issue while locked: outcome %d, %q, %v", a.Outcome, a.Code, err)
	}
	if no, err := s.Add(fact02(), vendingKey(t, hex02)); err != nil || no.Code != refusal.KeystoreLocked {
		t.Errorf("add while locked: %q, %v", no.Code, err)
	}
	if err := s.Unlock([]byte("wrong")); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
	if err := s.Unlock(nil); !errors.Is(err, keystore.ErrEmptyPassphrase) {
		t.Errorf("empty passphrase: %v", err)
	}
	if !s.Locked() {
		t.Error("a wrong passphrase unlocked the store")
	}
	if err := s.Unlock([]byte(pass)); err != nil || s.Locked() {
		t.Errorf("right passphrase: %v, locked %t", err, s.Locked())
	}
	issue(t, s, order(t))
	s.Lock()
	if !s.Locked() {
		t.Error("Lock left the store open")
	}
}

// TestLockingBeforeTheFirstKeyForgetsThePassphrase checks that after Lock a store neither creates a file nor opens one.
func TestLockingBeforeTheFirstKeyForgetsThePassphrase(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	s.Lock()
	if !s.Locked() {
		t.Error("a store without a file is open after Lock")
	}
	if no, err := s.Add(fact02(), vendingKey(t, hex02)); err != nil || no.Code != refusal.KeystoreLocked {
		t.Errorf("add after Lock: %q, %v, want %q", no.Code, err, refusal.KeystoreLocked)
	}
	add(t, unlocked(t, dir), fact02(), hex02)
	if !s.Locked() {
		t.Error("the store opened a new file after Lock")
	}
	if a, err := s.Issuer().Issue(t.Context(), order(t)); err != nil || a.Outcome != vending.Declined || a.Code != refusal.KeystoreLocked {
		t.Errorf("issue after Lock: outcome %d, %q, %v", a.Outcome, a.Refusal.Code, err)
	}
}

func TestServerWithAnotherPassphraseStaysLocked(t *testing.T) {
	dir := t.TempDir()
	server := open(t, dir)
	if err := server.Unlock([]byte("typed wrong before the file existed")); err != nil {
		t.Fatal(err)
	}
	add(t, unlocked(t, dir), fact02(), hex02)
	if !server.Locked() {
		t.Error("the server uses a key store that its passphrase does not open")
	}
	if err := server.Unlock([]byte(pass)); err != nil {
		t.Errorf("the right passphrase afterwards: %v", err)
	}
}

// TestAPassphraseIsTheSameOnEveryKeyboard: some keyboards send é as one character, others as an e and an accent.
func TestAPassphraseIsTheSameOnEveryKeyboard(t *testing.T) {
	const composed, decomposed = "un caf\u00e9 \u00e0 Dakar", "un cafe\u0301 a\u0300 Dakar"
	dir := t.TempDir()
	first := open(t, dir)
	if err := first.Unlock([]byte(decomposed)); err != nil {
		t.Fatal(err)
	}
	add(t, first, fact02(), hex02)
	for typed, want := range map[string]error{composed: nil, decomposed: nil, "un cafe a Dakar": keystore.ErrPassphrase} {
		if err := open(t, dir).Unlock([]byte(typed)); !errors.Is(err, want) {
			t.Errorf("%+q: %v, want %v", typed, err, want)
		}
	}
}

func TestAddRefusesDuplicatesAndMixing(t *testing.T) {
	s := unlocked(t, t.TempDir())
	add(t, s, fact02(), hex02)
	for name, c := range map[string]struct {
		change func(*keystore.Fact)
		digits string
		want   refusal.Code
	}{
		"the same key again":              {func(*keystore.Fact) {}, hex02, refusal.KeyExists},
		"the same facts, another key":     {func(*keystore.Fact) {}, "0123456789abcdef", refusal.KeyExists},
		"the same with another base date": {func(f *keystore.Fact) { f.BaseDate = sts.Base2035 }, hex02, refusal.KeyExists},
		"real beside test, other type":    {func(f *keystore.Fact) { f.KT, f.Test = sts.DDTK, false }, hex02, refusal.KeyExists},
		"key type 0":                      {func(f *keystore.Fact) { f.KT = sts.DITK }, hex02, refusal.InvalidRequest},
		"key type 4":                      {func(f *keystore.Fact) { f.KT = 4 }, hex02, refusal.InvalidRequest},
		"group of five digits":            {func(f *keystore.Fact) { f.SGC = "12345" }, hex02, refusal.InvalidRequest},
		"group with a letter":             {func(f *keystore.Fact) { f.SGC = "12345a" }, hex02, refusal.InvalidRequest},
		"group with a letter first":       {func(f *keystore.Fact) { f.SGC = "a12345" }, hex02, refusal.InvalidRequest},
		"group with what is before 0":     {func(f *keystore.Fact) { f.SGC = "123/56" }, hex02, refusal.InvalidRequest},
		"group with what is after 9":      {func(f *keystore.Fact) { f.SGC = "123:56" }, hex02, refusal.InvalidRequest},
		"group of seven digits":           {func(f *keystore.Fact) { f.SGC = "1234567" }, hex02, refusal.InvalidRequest},
		"revision 0":                      {func(f *keystore.Fact) { f.KRN = 0 }, hex02, refusal.InvalidRequest},
		"revision 10":                     {func(f *keystore.Fact) { f.KRN = 10 }, hex02, refusal.InvalidRequest},
		"base date 2000":                  {func(f *keystore.Fact) { f.KRN, f.BaseDate = 2, 2000 }, hex02, refusal.InvalidRequest},
		"20 bytes for DKGA 02":            {func(f *keystore.Fact) { f.KRN = 2 }, hex04, refusal.InvalidRequest},
		"8 bytes for DKGA 04":             {func(f *keystore.Fact) { f.KRN, f.DKGA = 2, sts.DKGA04 }, hex02, refusal.InvalidRequest},
	} {
		f := fact02()
		c.change(&f)
		no, err := s.Add(f, vendingKey(t, c.digits))
		if err != nil || no.Code != c.want || no.Not == "" || no.Try == "" {
			t.Errorf("%s: got %q %+v, %v, want %q in three sentences", name, no.Code, no, err, c.want)
		}
	}
	next := fact02()
	next.KRN, next.Test = 2, false
	add(t, s, next, hex02) // a new revision may be real
	next.SGC, next.KRN, next.KT = "099990", 9, sts.DCTK
	add(t, s, next, hex02) // the lowest and highest digit, the last revision and type
	if facts, err := s.List(); err != nil || len(facts) != 3 {
		t.Errorf("after the refusals there are %d keys, want 3 (%v)", len(facts), err)
	}
}

func TestIssuerRefusesWhatTheMeterWouldNotTake(t *testing.T) {
	s := unlocked(t, t.TempDir())
	add(t, s, fact02(), hex02)
	real := fact02()
	real.SGC, real.Test, real.KEN = "222222", false, 100
	add(t, s, real, hex02)
	ddtk := fact02()
	ddtk.SGC, ddtk.KT = "333333", sts.DDTK
	add(t, s, ddtk, hex02)
	for name, c := range map[string]struct {
		change func(*vending.IssueRequest)
		want   refusal.Code
	}{
		"fits":                          {func(*vending.IssueRequest) {}, ""},
		"unknown group":                 {func(o *vending.IssueRequest) { o.Attributes.SGC = "999999" }, refusal.KeyMissing},
		"unknown revision":              {func(o *vending.IssueRequest) { o.Attributes.KRN = 2 }, refusal.KeyMissing},
		"unknown type":                  {func(o *vending.IssueRequest) { o.Attributes.KT = sts.DCTK }, refusal.KeyMissing},
		"other derivation":              {func(o *vending.IssueRequest) { o.Attributes.DKGA = sts.DKGA04 }, refusal.KeyMissing},
		"other base date":               {func(o *vending.IssueRequest) { o.Attributes.BaseDate = sts.Base1993 }, refusal.KeyMissing},
		"initialisation key":            {func(o *vending.IssueRequest) { o.Attributes.KT = sts.DITK }, refusal.KeyTypeForbidden},
		"default key":                   {func(o *vending.IssueRequest) { o.Attributes.SGC, o.Attributes.KT = "333333", sts.DDTK }, refusal.KeyTypeForbidden},
		"expired by the meter's KEN":    {func(o *vending.IssueRequest) { o.KEN = 102 }, refusal.KeyExpired},
		"last minute of the meter's":    {func(o *vending.IssueRequest) { o.KEN = 103 }, ""},
		"expired by the vending key":    {func(o *vending.IssueRequest) { o.Attributes.SGC, o.Simulated = "222222", false }, refusal.KeyExpired},
		"simulated under a real key":    {func(o *vending.IssueRequest) { o.Attributes.SGC = "222222" }, refusal.KeyTypeForbidden},
		"real meter under a test key":   {func(o *vending.IssueRequest) { o.Simulated = false }, ""},
		"real meter under a real key":   {func(o *vending.IssueRequest) { o.Attributes.SGC, o.Simulated, o.Credit.TID = "222222", false, 100 }, ""},
		"a group that is no six digits": {func(o *vending.IssueRequest) { o.Attributes.SGC = "12" }, refusal.KeyMissing},
	} {
		o := order(t)
		c.change(&o)
		if no := s.Issuer().Check(t.Context(), o); no.Code != c.want {
			t.Errorf("%s: Check gives %q, want %q", name, no.Code, c.want)
		}
		a, err := s.Issuer().Issue(t.Context(), o)
		if err != nil || a.Code != c.want || (a.Outcome == vending.Made) != (c.want == "") {
			t.Errorf("%s: Issue gives outcome %d %q, %v, want %q", name, a.Outcome, a.Code, err, c.want)
		}
	}
	o := order(t)
	o.Attributes.SGC = "222222"
	if _, ok := s.DecoderKey(o.Attributes); ok {
		t.Error("a real vending key gave a decoder key")
	}
}

// TestAlteredFileIsNotUsed changes each value of the file in turn. No changed file may give a token.
func TestAlteredFileIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	add(t, s, fact02(), hex02)
	second := fact02()
	second.SGC = "222222"
	add(t, s, second, "0123456789abcdef")
	good, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, repl string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("the file does not contain %q", old)
		}
		return bytes.Replace(good, []byte(old), []byte(repl), 1)
	}
	var doc map[string]any
	if err := json.Unmarshal(good, &doc); err != nil {
		t.Fatal(err)
	}
	keys := doc["keys"].([]any)
	withKeys := func(k ...any) []byte {
		doc["keys"] = k
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, b := range map[string][]byte{
		"test made real":      swap(`"test": true`, `"test": false`),
		"another group":       swap(`"sgc": "123456"`, `"sgc": "123457"`),
		"another base date":   swap(`"base_date": 2014`, `"base_date": 2035`),
		"another expiry":      swap(`"ken": 255`, `"ken": 254`),
		"an entry dropped":    withKeys(keys[0]),
		"entries exchanged":   withKeys(keys[1], keys[0]),
		"an entry doubled":    withKeys(keys[0], keys[1], keys[1]),
		"cheaper derivation":  swap(`"time": 1`, `"time": 2`),
		"truncated":           good[:len(good)/2],
		"empty":               {},
		"more behind its end": append(bytes.Clone(good), "{}"...),
		"another format":      swap(`"version": 1`, `"version": 2`),
		"an unknown field":    swap(`"version": 1`, `"version": 1, "extra": 0`),
		"far too much memory": swap(`"memory_kib": 64`, `"memory_kib": 4000000000`),
	} {
		if err := os.WriteFile(s.Path(), b, 0o600); err != nil {
			t.Fatal(err)
		}
		running := s.Issuer().Check(t.Context(), order(t))
		if running.Code != refusal.KeystoreLocked {
			t.Errorf("%s: the running server gives %q, want %q", name, running.Code, refusal.KeystoreLocked)
		}
		fresh, err := keystore.Open(dir, cheap())
		if err == nil {
			err = fresh.Unlock([]byte(pass))
		}
		if err == nil {
			t.Errorf("%s: a fresh start unlocks the altered file", name)
		}
	}
}

func TestConcurrentAddsLoseNothing(t *testing.T) {
	dir := t.TempDir()
	const each = 8
	stores := []*keystore.Store{unlocked(t, dir), unlocked(t, dir), unlocked(t, dir)}
	add(t, stores[0], fact02(), hex02)
	var wg sync.WaitGroup
	for n, s := range stores {
		wg.Go(func() {
			for i := range each {
				f := fact02()
				f.SGC = fmt.Sprintf("%d%05d", n+2, i)
				if no, err := s.Add(f, vendingKey(t, hex02)); err != nil || no.Refused() {
					t.Errorf("add %s: %v %s", f.SGC, err, no.Detail())
				}
			}
		})
	}
	wg.Wait()
	facts, err := open(t, dir).List()
	if err != nil || len(facts) != len(stores)*each+1 {
		t.Errorf("%d keys, %v, want %d", len(facts), err, len(stores)*each+1)
	}
	if err := unlocked(t, dir).Unlock([]byte(pass)); err != nil {
		t.Errorf("the file does not open afterwards: %v", err)
	}
}

// TestNoFileHoldsAKey searches every file of the folder for the keys, including files left by an interrupted write. It searches for every
// form in which the keys could be written.
func TestNoFileHoldsAKey(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	raws := []string{"0123456789abcdef", "fedcba98765432100f1e2d3c4b5a69788796a5b4"}
	f := fact02()
	add(t, s, f, raws[0])
	f.SGC, f.DKGA = "222222", sts.DKGA04
	add(t, s, f, raws[1])
	if _, err := keystore.OpenData(dir); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, digits := range append(raws, hex.EncodeToString([]byte(pass))) {
		seen += searchFolder(t, dir, digits)
	}
	if seen == 0 {
		t.Error("no file was searched")
	}
}

// searchFolder fails the test if a file contains the bytes, their hexadecimal digits or their base64.
func searchFolder(t *testing.T, dir, digits string) (files int) {
	t.Helper()
	raw, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	forms := [][]byte{raw, []byte(digits), []byte(strings.ToUpper(digits)), bytes.Trim(text, `"=`)}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files++
		for _, form := range forms {
			if bytes.Contains(b, form) {
				t.Errorf("%s holds a secret", e.Name())
			}
		}
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v, want 0600", e.Name(), info.Mode(), err)
		}
	}
	return files
}

func TestNothingPrintsASecret(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	add(t, s, fact02(), hex02)
	issue(t, s, order(t))
	d, err := keystore.OpenData(dir)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, keystore.DataFileName))
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		s *keystore.Store
		i *keystore.Issuer
		d *keystore.DataKey
	}
	key, _ := s.DecoderKey(order(t).Attributes)
	secrets := []string{hex02, pass, hex.EncodeToString(raw), hex.EncodeToString(key.Reveal())}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		for _, v := range []any{s, s.Issuer(), d, holder{s, s.Issuer(), d}} {
			out := fmt.Sprintf(verb, v)
			for _, secret := range secrets {
				plain, _ := hex.DecodeString(secret)
				if strings.Contains(out, secret) || strings.Contains(out, fmt.Sprint(plain)) && len(plain) > 0 {
					t.Errorf("%s of %T prints a secret", verb, v)
				}
			}
		}
	}
	if b, err := json.Marshal(d); err != nil || string(b) != `"keystore.DataKey(masked)"` {
		t.Errorf("JSON of a data key is %s, %v", b, err)
	}
}

func TestRealCostsOpen(t *testing.T) {
	tier.Slow(t)
	dir := t.TempDir()
	s, err := keystore.Open(dir, keystore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Unlock([]byte(pass)); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	add(t, s, fact02(), hex02)
	t.Logf("creating a key store with %+v took %s", keystore.DefaultParams(), time.Since(begun))
	// A store made with the real costs opens in a process with another configuration, because the file stores the costs.
	if err := open(t, dir).Unlock([]byte(pass)); err != nil {
		t.Error(err)
	}
}

func TestFileThatDisappearsIsAnErrorNotAnEmptyStore(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	add(t, s, fact02(), hex02)
	if err := os.Remove(s.Path()); err != nil {
		t.Fatal(err)
	}
	if no := s.Issuer().Check(t.Context(), order(t)); no.Code != refusal.KeystoreLocked {
		t.Errorf("check without the file: %q, want %q", no.Code, refusal.KeystoreLocked)
	}
}

// TestAnIssuerLooksOnceForARequest changes the file during a request. The change must take effect at the next request.
func TestAnIssuerLooksOnceForARequest(t *testing.T) {
	s := unlocked(t, t.TempDir())
	add(t, s, fact02(), hex02)
	during := s.Issuer().Look()
	if err := os.Remove(s.Path()); err != nil {
		t.Fatal(err)
	}
	if a, err := during.Issue(t.Context(), order(t)); err != nil || a.Outcome != vending.Made {
		t.Errorf("during the request: got %v, %v, want a token", a.Outcome, err)
	}
	if a, err := s.Issuer().Look().Issue(t.Context(), order(t)); err != nil || a.Outcome != vending.Declined {
		t.Errorf("the next request: got %v, %v, want it declined", a.Outcome, err)
	}
}

func TestOpenNeedsTheFolder(t *testing.T) {
	if _, err := keystore.Open(filepath.Join(t.TempDir(), "absent"), cheap()); err == nil {
		t.Error("opened a key store in a folder that does not exist")
	}
}

func TestAFileThatCannotBeUsedIsToldWithoutItsPlace(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	if err := os.WriteFile(filepath.Join(dir, keystore.FileName), []byte("no key store"), 0o600); err != nil {
		t.Fatal(err)
	}
	no := s.Issuer().Check(t.Context(), vending.IssueRequest{})
	if no.Code != refusal.KeystoreLocked || strings.Contains(no.Detail(), dir) {
		t.Errorf("a sale is told %q (%s), want %s and no path", no.Detail(), no.Code, refusal.KeystoreLocked)
	}
}
