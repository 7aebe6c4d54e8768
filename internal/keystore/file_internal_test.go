package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// small returns a document with one key, and the kek that opens it.
func small(t *testing.T) (document, *kek) {
	t.Helper()
	d, err := newDocument(Params{Time: 1, MemoryKiB: 8, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	k, err := d.KDF.derive([]byte("passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	d, err = d.with(k, Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255}, make([]byte, 8))
	if err != nil {
		t.Fatal(err)
	}
	return d, k
}

// TestTheCostOfAPassphraseHasLimits tries each cost at its limits and beyond. A planted file must not be able to demand a higher cost.
func TestTheCostOfAPassphraseHasLimits(t *testing.T) {
	for p, ok := range map[Params]bool{
		{Time: 1, MemoryKiB: 8, Threads: 1}:         true,
		{Time: 64, MemoryKiB: 1 << 20, Threads: 1}:  true,
		{Time: 3, MemoryKiB: 2040, Threads: 255}:    true,
		{Time: 0, MemoryKiB: 8, Threads: 1}:         false,
		{Time: 65, MemoryKiB: 8, Threads: 1}:        false,
		{Time: 1, MemoryKiB: 7, Threads: 1}:         false,
		{Time: 1, MemoryKiB: 1<<20 + 1, Threads: 1}: false,
		{Time: 1, MemoryKiB: 8, Threads: 0}:         false,
		{Time: 1, MemoryKiB: 2039, Threads: 255}:    false,
	} {
		d, err := newDocument(p)
		if (err == nil) != ok || ok && (d.KDF.params() != p || len(d.KDF.Salt) != 16) || !ok && (err.Error() != fmt.Sprintf("argon2id parameters out of range: %+v", p) || d.Format != "") {
			t.Errorf("%+v: %+v, %v; want it taken %t", p, d.KDF, err, ok)
		}
	}
	if p := DefaultParams(); p != (Params{Time: 3, MemoryKiB: 65536, Threads: 4}) {
		t.Errorf("the costs of a new key store are %+v, not those of RFC 9106", p)
	}
}

// TestEveryFigureOfAFileIsChecked changes one field of a good file at a time, and compares the error.
func TestEveryFigureOfAFileIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*document)
		want   string
	}{
		"nothing":               {func(*document) {}, ""},
		"1000 keys":             {func(d *document) { d.Keys = slices.Repeat(d.Keys, 1000) }, ""},
		"1001 keys":             {func(d *document) { d.Keys = slices.Repeat(d.Keys, 1001) }, "numbers out of range"},
		"no key":                {func(d *document) { d.Keys = nil }, ""},
		"another format":        {func(d *document) { d.Format = "x" }, `format "x" version 1`},
		"another version":       {func(d *document) { d.Version = 2 }, `format "paywatt-keystore" version 2`},
		"another derivation":    {func(d *document) { d.KDF.Name = "scrypt" }, `format "paywatt-keystore" version 1`},
		"no passes":             {func(d *document) { d.KDF.Time = 0 }, "numbers out of range"},
		"a short salt":          {func(d *document) { d.KDF.Salt = d.KDF.Salt[:15] }, "numbers out of range"},
		"a long salt":           {func(d *document) { d.KDF.Salt = make([]byte, 17) }, "numbers out of range"},
		"a wrong fact":          {func(d *document) { d.Keys[0].KRN = 0 }, `entry of supply group "123456": A key revision number must be from 1 to 9.`},
		"a short nonce of key":  {func(d *document) { d.Keys[0].Key.Nonce = make([]byte, 23) }, `entry of supply group "123456": `},
		"a long nonce of key":   {func(d *document) { d.Keys[0].Key.Nonce = make([]byte, 25) }, `entry of supply group "123456": `},
		"a short box of key":    {func(d *document) { d.Keys[0].Key.Box = make([]byte, 15) }, `entry of supply group "123456": `},
		"the shortest box":      {func(d *document) { d.Keys[0].Key.Box = make([]byte, 16) }, ""},
		"a short nonce of seal": {func(d *document) { d.Seal.Nonce = make([]byte, 23) }, "no seal"},
		"a short box of seal":   {func(d *document) { d.Seal.Box = d.Seal.Box[:15] }, "no seal"},
	} {
		d, _ := small(t)
		c.change(&d)
		text, err := d.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseDocument(text)
		if c.want == "" {
			if again, eerr := got.encode(); err != nil || eerr != nil || c.change != nil && len(got.Keys) > 0 && !bytes.Equal(again, text) {
				t.Errorf("%s: %v, %v, or it was read otherwise", name, err, eerr)
			}
			continue
		}
		if !errors.Is(err, errFormat) || err.Error() != "not a key store of this version: "+c.want || got.Format != "" || got.Keys != nil {
			t.Errorf("%s: %v; want %s", name, err, c.want)
		}
	}
}

// TestASealedTextThatIsTooShortIsNotOpened checks that a short text is refused before it reaches the cipher, which would panic.
func TestASealedTextThatIsTooShortIsNotOpened(t *testing.T) {
	_, k := small(t)
	for _, s := range []sealed{{}, {Nonce: make([]byte, 23), Box: make([]byte, 16)}, {Nonce: make([]byte, 24), Box: make([]byte, 15)}} {
		if b, err := k.open(s, nil); b != nil || err != errFormat {
			t.Errorf("opened %x, %v", b, err)
		}
	}
}

// TestFactsOfAVendingKey checks the refusal of each wrong fact, and the limits that are still allowed.
func TestFactsOfAVendingKey(t *testing.T) {
	good := Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255}
	for _, c := range []struct {
		change            func(*Fact)
		problem, unusable string
	}{
		{func(*Fact) {}, "", ""},
		{func(f *Fact) { f.SGC = "09999" }, "A supply group code must have 6 digits.", ""},
		{func(f *Fact) { f.KRN = 0 }, "A key revision number must be from 1 to 9.", ""},
		{func(f *Fact) { f.KRN = 9 }, "", ""},
		{func(f *Fact) { f.KRN = 10 }, "A key revision number must be from 1 to 9.", ""},
		{func(f *Fact) { f.KT = sts.DITK }, "Key type 0 is the manufacturer's initialisation key. Tokens are never sold under it.", ""},
		{func(f *Fact) { f.KT = 1 }, "", ""},
		{func(f *Fact) { f.KT = 3 }, "", ""},
		{func(f *Fact) { f.KT = 4 }, "A key type must be 1, 2 or 3.", ""},
		{func(f *Fact) { f.DKGA = 1 }, "The key derivation must be 02 or 04.", ""},
		{func(f *Fact) { f.DKGA = 3 }, "The key derivation must be 02 or 04.", ""},
		{func(f *Fact) { f.DKGA = sts.DKGA04 }, "", ""},
		{func(f *Fact) { f.DKGA, f.KT = sts.DKGA04, 3 }, "", "Key derivation 04 cannot make meter keys of type 3."},
		{func(f *Fact) { f.BaseDate = 2013 }, "The base date must be 1993, 2014 or 2035.", ""},
		{func(f *Fact) { f.BaseDate = 1993 }, "", ""},
		{func(f *Fact) { f.BaseDate = 2035 }, "", ""},
	} {
		f := good
		c.change(&f)
		if c.unusable == "" {
			c.unusable = c.problem
		}
		if f.problem().What != c.problem || f.unusable().What != c.unusable {
			t.Errorf("%+v: %q and %q, want %q and %q", f, f.problem().What, f.unusable().What, c.problem, c.unusable)
		}
	}
	if got := good.String(); got != "supply group 123456, revision 1, type 2" {
		t.Errorf("String = %s", got)
	}
	good.Test = true
	if got := good.String(); got != "supply group 123456, revision 1, type 2 (test)" {
		t.Errorf("String = %s", got)
	}
	for change, same := range map[Fact]bool{
		{SGC: "123456", KRN: 1, KT: sts.DUTK}: true, {SGC: "123457", KRN: 1, KT: sts.DUTK}: false,
		{SGC: "123456", KRN: 2, KT: sts.DUTK}: false, {SGC: "123456", KRN: 1, KT: sts.DCTK}: false,
	} {
		if good.Same(change) != same {
			t.Errorf("%s and %s are the same: %t", good, change, !same)
		}
	}
}

// TestAFileIsAnotherWhenAnythingOfItDiffers changes the size or the time of a file, or the file itself. Each change must be noticed.
func TestAFileIsAnotherWhenAnythingOfItDiffers(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	look := func(name, content string, at time.Time) stamp {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		s, err := stampOf(path)
		if err != nil || !s.exists() {
			t.Fatal(s, err)
		}
		return s
	}
	first := look("a", "x", at)
	none, err := stampOf(filepath.Join(dir, "none"))
	if err != nil || none.exists() {
		t.Fatal(none, err)
	}
	for name, c := range map[string]struct {
		a, b stamp
		same bool
	}{
		"the same":     {first, look("a", "x", at), true},
		"longer":       {first, look("a", "xy", at), false},
		"later":        {first, look("a", "x", at.Add(time.Second)), false},
		"another file": {first, look("b", "x", at), false},
		"gone":         {first, none, false},
		"come":         {none, first, false},
		"never there":  {none, none, true},
	} {
		if c.a.same(c.b) != c.same {
			t.Errorf("%s: same is %t", name, !c.same)
		}
	}
	if s, err := stampOf(filepath.Join(dir, "a", "below a file")); err == nil || s.exists() {
		t.Errorf("a path through a file: %v, %v", s, err)
	}
}

// TestFilesArePlacedWholeOrNotAtAll checks that after an error the old file is unchanged and no temporary file is left.
func TestFilesArePlacedWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, content := range []string{"one", "two"} {
		if err := replace(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if b, err := readLimited(path, 3); err != nil || string(b) != content {
			t.Errorf("read %q, %v", b, err)
		}
	}
	if b, err := readLimited(path, 2); b != nil || err == nil || err.Error() != path+" is longer than 2 bytes" {
		t.Errorf("a file that is too long: %q, %v", b, err)
	}
	if b, err := readLimited(dir, 2); b != nil || err == nil {
		t.Errorf("a folder was read: %q, %v", b, err)
	}
	if err := createOnce(path, []byte("three")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file that is there was made: %v", err)
	}
	if err := createOnce(filepath.Join(dir, "new"), []byte("four")); err != nil {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := replace(filepath.Join(dir, "folder"), []byte("five")); err == nil {
		t.Error("a file took the place of a folder")
	}
	absent := filepath.Join(dir, "absent", "file")
	for name, err := range map[string]error{"replace": replace(absent, nil), "withLock": withLock(absent, func() error { return nil })} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s in a folder that is not there: %v", name, err)
		}
	}
	left, err := os.ReadDir(dir)
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	if b, rerr := os.ReadFile(path); string(b) != "two" || err != nil || rerr != nil || strings.Join(names, " ") != "file folder new" {
		t.Errorf("left are %v, %v with %q, %v", names, err, b, rerr)
	}
}

// TestTheLockReturnsTheErrorOfItsWork checks that the error of the work under the lock is returned as it is.
func TestTheLockReturnsTheErrorOfItsWork(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := withLock(f.Name(), func() error { return broken }); err != broken {
		t.Errorf("under the lock: %v, want %v", err, broken)
	}
}

// TestAPassphraseIsWiped checks the three events that wipe a stored passphrase. Lock wipes it. Unlock with another passphrase wipes it.
// The store also wipes it when it finds a key store file.
func TestAPassphraseIsWiped(t *testing.T) {
	for name, end := range map[string]func(*Store) error{
		"Lock":   func(s *Store) error { s.Lock(); return nil },
		"Unlock": func(s *Store) error { return s.Unlock([]byte("another")) },
		"a file": func(s *Store) error {
			d, _ := small(t)
			text, err := d.encode()
			return errors.Join(err, os.WriteFile(s.Path(), text, 0o600), s.look())
		},
	} {
		s, err := Open(t.TempDir(), Config{})
		if err != nil {
			t.Fatal(err)
		}
		given := []byte("passphrase")
		if err := s.Unlock(given); err != nil {
			t.Fatal(err)
		}
		clear(given)
		kept := s.pass
		if string(kept) != "passphrase" {
			t.Errorf("%s: Unlock has kept %q, not a copy", name, kept)
		}
		if err := end(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(kept, make([]byte, len(kept))) {
			t.Errorf("%s leaves the passphrase in memory", name)
		}
	}
}

// TestATokenMustOpenToItsOrder changes each field of the order. The token must no longer match.
func TestATokenMustOpenToItsOrder(t *testing.T) {
	amount, err := sts.EncodeTenths(347)
	if err != nil {
		t.Fatal(err)
	}
	credit := vending.IssueRequest{Credit: sts.Credit{SubClass: 0, TID: 100, Amount: amount}}
	manage := vending.IssueRequest{Make: vending.MakeManagement, Manage: sts.Management{SubClass: 1, TID: 100, Value: 7}}
	change := vending.IssueRequest{Make: vending.MakeKeyChange}
	for name, c := range map[string]struct {
		o    vending.IssueRequest
		back sts.Opened
		want bool
	}{
		"credit":                   {credit, sts.Opened{TID: 100, Amount: amount}, true},
		"credit of water":          {credit, sts.Opened{TID: 100, Amount: amount, SubClass: 1}, false},
		"credit of another minute": {credit, sts.Opened{TID: 101, Amount: amount}, false},
		"another amount":           {credit, sts.Opened{TID: 100}, false},
		"management":               {manage, sts.Opened{Class: 2, SubClass: 1, TID: 100, Value: 7}, true},
		"of another class":         {manage, sts.Opened{Class: 1, SubClass: 1, TID: 100, Value: 7}, false},
		"of another sub-class":     {manage, sts.Opened{Class: 2, SubClass: 0, TID: 100, Value: 7}, false},
		"of another minute":        {manage, sts.Opened{Class: 2, SubClass: 1, TID: 99, Value: 7}, false},
		"of another value":         {manage, sts.Opened{Class: 2, SubClass: 1, TID: 100, Value: 8}, false},
		"key change":               {change, sts.Opened{Class: 2}, true},
		"key change of a class 1":  {change, sts.Opened{Class: 1}, false},
	} {
		if got := asOrdered(c.back, c.o); got != c.want {
			t.Errorf("%s: as ordered is %t", name, got)
		}
	}
}

// TestTheKeyStoreTakesAThousandKeys checks that the thousandth key is accepted and the next is refused.
func TestTheKeyStoreTakesAThousandKeys(t *testing.T) {
	d, k := small(t)
	d.Keys = slices.Repeat(d.Keys, 999)
	var err error
	for n := range d.Keys {
		e := &d.Keys[n]
		e.SGC = fmt.Sprintf("%06d", n)
		if e.Key, err = k.seal(make([]byte, 8), e.fact().aad()); err != nil {
			t.Fatal(err)
		}
	}
	if d.Seal, err = k.seal(nil, d.aad()); err != nil {
		t.Fatal(err)
	}
	text, err := d.encode()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.TempDir(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(s.Path(), text, 0o600), s.Unlock([]byte("passphrase"))); err != nil {
		t.Fatal(err)
	}
	key, err := sts.NewVendingKey(make([]byte, 8))
	if err != nil {
		t.Fatal(err)
	}
	f := d.Keys[0].fact()
	f.Test = true
	for n, want := range []string{"", "The key store holds 1000 keys, the most it can hold. The key store was not changed. Use another data folder."} {
		f.SGC = fmt.Sprintf("99999%d", n)
		no, err := s.Add(f, key)
		if err != nil || no.Detail() != want || no.Refused() && no.Code != refusal.KeyExists {
			t.Errorf("key %d: %s %s, %v; want %q", 1000+n, no.Code, no.Detail(), err, want)
		}
	}
}
