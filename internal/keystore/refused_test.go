package keystore_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// TestARefusedTokenIsExplained checks the whole answer for each reason of a refusal.
func TestARefusedTokenIsExplained(t *testing.T) {
	s := unlocked(t, t.TempDir())
	add(t, s, fact02(), hex02)
	real, def := fact02(), fact02()
	real.SGC, real.Test = "222222", false
	def.SGC, def.KT, def.KEN = "333333", sts.DDTK, 90
	add(t, s, real, hex02)
	add(t, s, def, hex02)
	for _, c := range []struct {
		change func(*vending.IssueRequest)
		code   refusal.Code
		want   string
	}{
		{func(o *vending.IssueRequest) { o.Attributes.SGC = "999999" }, refusal.KeyMissing,
			"There is no vending key for supply group 999999, revision 1, type 2. No token was made. Add it with paywatt vendingkey add, then try again."},
		{func(o *vending.IssueRequest) { o.Attributes.KT = sts.DITK }, refusal.KeyTypeForbidden,
			"The meter holds its manufacturer's initialisation key (type 0). Tokens are never sold under it. No token was made. Have its key changed first."},
		{func(o *vending.IssueRequest) { o.Attributes.DKGA = sts.DKGA04 }, refusal.KeyMissing,
			"The vending key of supply group 123456, revision 1, type 2 uses DKGA 02. The meter is registered with DKGA 04. No token was made. " +
				"Add the vending key with DKGA 04 under a new revision number (paywatt vendingkey add --krn). Then change the meter's key to that revision."},
		{func(o *vending.IssueRequest) { o.Attributes.BaseDate = sts.Base1993 }, refusal.KeyMissing,
			"The vending key of supply group 123456, revision 1, type 2 counts from base date 2014. The meter is registered with base date 1993. " +
				"No token was made. Change the meter's key to one that counts from base date 2014."},
		{func(o *vending.IssueRequest) { o.Attributes.SGC, o.Attributes.KT = "333333", sts.DDTK }, refusal.KeyTypeForbidden,
			"The meter holds a default key (type 1). It refuses credit under such a key. No token was made. Have its key changed first."},
		{func(o *vending.IssueRequest) { o.Attributes.SGC = "222222" }, refusal.KeyTypeForbidden,
			"The meter is simulated, and supply group 222222, revision 1, type 2 has a real vending key. Tokens of simulated meters come from test keys " +
				"only. No token was made. Register the meter under a supply group whose vending key was added with --test."},
		{func(o *vending.IssueRequest) { o.KEN = 102 }, refusal.KeyExpired,
			"The key of supply group 123456, revision 1, type 2 has expired (key expiry number 102). No token was made. Change the meter's key to a newer revision."},
		{func(o *vending.IssueRequest) {
			o.Make, o.Manage = vending.MakeManagement, sts.Management{TID: 104 << 16}
			o.KEN = 103
			o.Credit.TID = 0
		},
			refusal.KeyExpired,
			"The key of supply group 123456, revision 1, type 2 has expired (key expiry number 103). No token was made. Change the meter's key to a newer revision."},
		{func(o *vending.IssueRequest) { o.Attributes.TI = "x" }, refusal.KeyMissing,
			"No key can be derived for a meter of supply group 123456, revision 1, type 2, tariff index x, EA 07, DKGA 02 and base date 2014. No token was made. " +
				"Check these values of the meter's key."},
	} {
		o := order(t)
		c.change(&o)
		if no := s.Issuer().Check(t.Context(), o); no.Code != c.code || no.Detail() != c.want {
			t.Errorf("Check: %s %s\nwant %s %s", no.Code, no.Detail(), c.code, c.want)
		}
		a, err := s.Issuer().Issue(t.Context(), o)
		if err != nil || a.Outcome != vending.Declined || a.Code != c.code || a.Detail() != c.want {
			t.Errorf("Issue: outcome %d %s, %v; want %s", a.Outcome, a.Detail(), err, c.want)
		}
		if _, ok := s.DecoderKey(o.Attributes); ok && (c.code == refusal.KeyMissing || o.Attributes.KT == sts.DITK) {
			t.Errorf("a decoder key where %s", c.want)
		}
	}
	s.Lock()
	want := "The key store is locked. No token was made. Give the server the key store's passphrase, then try again."
	if no := s.Issuer().Check(t.Context(), order(t)); no.Code != refusal.KeystoreLocked || no.Detail() != want {
		t.Errorf("locked: %s %s", no.Code, no.Detail())
	}
	if !s.Issuer().Local() {
		t.Error("the issuer of a key store is not local")
	}
}

// TestTokensOfManagement checks that management tokens are also made under a default key, until the key expires. Afterwards the key may
// still be changed.
func TestTokensOfManagement(t *testing.T) {
	s := unlocked(t, t.TempDir())
	def := fact02()
	def.KT, def.KEN = sts.DDTK, 103
	add(t, s, def, hex02)
	add(t, s, fact02(), hex02)
	o := order(t)
	o.Attributes.KT, o.KEN = sts.DDTK, 103
	o.Make, o.Credit = vending.MakeManagement, sts.Credit{TID: 200 << 16}
	o.Manage = sts.Management{SubClass: 1, RND: 3, TID: 103<<16 | 0xffff, Value: 7}
	key, err := sts.DeriveKey(vendingKey(t, hex02), o.Attributes)
	if err != nil {
		t.Fatal(err)
	}
	want, err := sts.EncodeManagement(key, o.Manage)
	if err != nil {
		t.Fatal(err)
	}
	if got := issue(t, s, o); got.Reveal() != want.Reveal() {
		t.Errorf("token %s, want %s", got.Reveal(), want.Reveal())
	}
	bad := o
	bad.Manage.RND = 16
	if a, err := s.Issuer().Issue(t.Context(), bad); !errors.Is(err, sts.ErrField) || !strings.HasPrefix(err.Error(), "issue token: ") || a.Outcome == vending.Made {
		t.Errorf("a field out of range: %+v, %v", a, err)
	}
	bad.Make, bad.Attributes.KT, bad.Credit.TID = 9, sts.DUTK, 1
	if a, err := s.Issuer().Issue(t.Context(), bad); err == nil || err.Error() != "issue token: unknown token kind 9" || a.Outcome == vending.Made {
		t.Errorf("an unknown kind: %+v, %v", a, err)
	}
	change := o
	change.Make, change.KEN, change.Credit.TID = vending.MakeKeyChange, 10, 200<<16
	change.Change = vending.Change{Next: order(t).Attributes, KEN: 255, At: sts.Base2014.Time(100 << 16)}
	issue(t, s, change)
	last := change
	last.Change.Section = 2
	if _, err := s.Issuer().Issue(t.Context(), last); err == nil || err.Error() != "issue token: a key change of 2 tokens has no section 2" {
		t.Errorf("a section too many: %v", err)
	}
	expired := change
	expired.Change.KEN = 1
	a, err := s.Issuer().Issue(t.Context(), expired)
	if err != nil || a.Outcome != vending.Declined || a.Code != refusal.KeyTypeForbidden || a.What != "The meter cannot be given this key: it has expired (key expiry number 1)." ||
		a.Not != "No token was made." || a.Try != "Check the values of the new key." {
		t.Errorf("a change to an expired key: %+v, %v", a, err)
	}
}

// TestARefusedKeyChangeIsExplained checks that each rule of the standard that refuses the new key has a different reason.
func TestARefusedKeyChangeIsExplained(t *testing.T) {
	s := unlocked(t, t.TempDir())
	common, older := fact02(), fact02()
	common.KT, older.KRN, older.BaseDate = sts.DCTK, 2, sts.Base1993
	for _, f := range []keystore.Fact{fact02(), common, older} {
		add(t, s, f, hex02)
	}
	for want, next := range map[string]func(*sts.Attributes){
		"a key of type 2 cannot become a key of type 3.": func(a *sts.Attributes) { a.KT = sts.DCTK },
		"base date 1993 is earlier than the base date of the present key, or the current time is outside the period of the new base date.": func(a *sts.Attributes) { a.KRN, a.BaseDate = 2, sts.Base1993 },
		"it is the key that the meter holds, or one of its values is out of range.":                                                        func(*sts.Attributes) {},
	} {
		o := order(t)
		o.Make, o.Change = vending.MakeKeyChange, vending.Change{Next: o.Attributes, KEN: 255, At: sts.Base2014.Time(100 << 16)}
		next(&o.Change.Next)
		if a, err := s.Issuer().Issue(t.Context(), o); err != nil || a.Code != refusal.KeyTypeForbidden || a.What != "The meter cannot be given this key: "+want {
			t.Errorf("%q, %v; want %q", a.What, err, want)
		}
		if no := s.Issuer().Check(t.Context(), o); no.Code != refusal.KeyTypeForbidden || no.What != "The meter cannot be given this key: "+want {
			t.Errorf("beforehand it says %q, want %q", no.What, want)
		}
	}
	o := order(t)
	o.Make, o.Change = vending.MakeKeyChange, vending.Change{Next: o.Attributes, KEN: 255, At: sts.Base2014.Time(100 << 16)}
	o.Change.Next.TI = "02"
	if no := s.Issuer().Check(t.Context(), o); no.Refused() {
		t.Errorf("a change that can be made is refused beforehand: %s", no.Detail())
	}
}

// TestARefusedKeyIsExplained checks the whole answer of Add for each reason of a refusal.
func TestARefusedKeyIsExplained(t *testing.T) {
	s := unlocked(t, t.TempDir())
	add(t, s, fact02(), hex02)
	for _, c := range []struct {
		change func(*keystore.Fact)
		digits string
		code   refusal.Code
		want   string
	}{
		{func(f *keystore.Fact) { f.KRN = 10 }, hex02, refusal.InvalidRequest,
			"A key revision number must be from 1 to 9. The key store was not changed. Correct the option and try again."},
		{func(f *keystore.Fact) { f.KRN, f.KT, f.DKGA = 2, sts.DCTK, sts.DKGA04 }, hex04, refusal.InvalidRequest,
			"Key derivation 04 cannot make meter keys of type 3. The key store was not changed. Use key derivation 02."},
		{func(f *keystore.Fact) { f.KRN = 2 }, hex04, refusal.InvalidRequest,
			"A vending key for DKGA 02 has 8 bytes. This one has 20. The key store was not changed. Check --dkga and the key file."},
		{func(*keystore.Fact) {}, hex02, refusal.KeyExists,
			"A vending key for supply group 123456, revision 1, type 2 already exists. The key store was not changed. " +
				"To add another key to the supply group, choose another revision number (--krn)."},
		{func(f *keystore.Fact) { f.KT, f.Test = sts.DCTK, false }, hex02, refusal.KeyExists,
			"Revision 1 of supply group 123456 has a test key. Test and real keys are never mixed in one revision. " +
				"The key store was not changed. Use another supply group for real keys, or add --test."},
	} {
		f := fact02()
		c.change(&f)
		if no, err := s.Add(f, vendingKey(t, c.digits)); err != nil || no.Code != c.code || no.Detail() != c.want {
			t.Errorf("%s: %s %s, %v\nwant %s %s", f, no.Code, no.Detail(), err, c.code, c.want)
		}
	}
	real, mixed := fact02(), fact02()
	real.KRN, real.Test, mixed.KRN, mixed.KT = 3, false, 3, sts.DCTK
	add(t, s, real, hex02)
	if no, err := s.Add(mixed, vendingKey(t, hex02)); err != nil || no.Code != refusal.KeyExists || !strings.HasPrefix(no.What, "Revision 3 of supply group 123456 has a real key.") {
		t.Errorf("a test key beside a real one: %s %s, %v", no.Code, no.Detail(), err)
	}
	s.Lock()
	no, err := s.Add(fact02(), vendingKey(t, hex02))
	if want := "The key store is locked. The key store was not changed. Give its passphrase."; err != nil || no.Code != refusal.KeystoreLocked || no.Detail() != want {
		t.Errorf("locked: %s %s, %v", no.Code, no.Detail(), err)
	}
}

// TestAFileThatCannotBeReadIsReportedEverywhere puts a folder in the place of the file.
func TestAFileThatCannotBeReadIsReportedEverywhere(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	if err := os.Mkdir(s.Path(), 0o700); err != nil {
		t.Fatal(err)
	}
	_, opened := keystore.Open(dir, cheap())
	facts, listed := s.List()
	families, read := s.Reader().Families()
	no, added := s.Add(fact02(), vendingKey(t, hex02))
	for name, err := range map[string]error{"Open": opened, "List": listed, "Families": read, "Unlock": s.Unlock([]byte(pass)), "Add": added} {
		begin := "read key store: "
		if name == "Add" {
			begin = "add vending key: " + begin
		}
		if err == nil || !strings.HasPrefix(err.Error(), begin) {
			t.Errorf("%s: %v; want %s", name, err, begin)
		}
	}
	if _, ok := s.DecoderKey(order(t).Attributes); ok || !s.Locked() || facts != nil || families != nil || no.Refused() {
		t.Errorf("a store without its file: decoder key %t, locked %t, %v, %v, %s", ok, s.Locked(), facts, families, no.Detail())
	}
	below := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(below, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keystore.Open(below, cheap()); err == nil || err.Error() != "open key store: "+below+" is not a folder" {
		t.Errorf("a file as the folder: %v", err)
	}
	if _, err := keystore.OpenData(filepath.Join(below, "x")); err == nil || !strings.HasPrefix(err.Error(), "open data key: ") {
		t.Errorf("a data key below a file: %v", err)
	}
	if _, err := keystore.OpenData(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "open data key: ") {
		t.Errorf("a data key in a folder that is not there: %v", err)
	}
}

// TestAFileThatIsNoKeyStoreIsReportedWithItsPlace also tests a file that has disappeared.
func TestAFileThatIsNoKeyStoreIsReportedWithItsPlace(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	add(t, s, fact02(), hex02)
	good, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.Path()); err != nil {
		t.Fatal(err)
	}
	const gone = "the key store's file has disappeared; its keys are not used: put it back from a backup"
	if _, err := s.List(); err == nil || err.Error() != gone {
		t.Errorf("without the file: %v", err)
	}
	for text, want := range map[string]string{
		string(good) + " x": "more data follows its end", "{": "unexpected EOF", strings.Repeat(" ", 1<<20+1): "read key store: " + s.Path() + " is longer than 1048576 bytes",
	} {
		if err := os.WriteFile(s.Path(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := s.List()
		if !strings.HasPrefix(want, "read") {
			want = "read key store " + s.Path() + ": not a key store of this version: " + want
		}
		if err == nil || err.Error() != want {
			t.Errorf("%.5q and more: %v; want %s", text, err, want)
		}
	}
	// A file of exactly the maximum size is read.
	full := string(good) + strings.Repeat(" ", 1<<20-len(good))
	if err := os.WriteFile(s.Path(), []byte(full), 0o600); err != nil {
		t.Fatal(err)
	}
	if facts, err := s.List(); err != nil || len(facts) != 1 {
		t.Errorf("1 MiB: %v, %v", facts, err)
	}
	if err := s.Unlock([]byte(pass)); err != nil {
		t.Errorf("the passphrase after the file was put back: %v", err)
	}
	issue(t, s, order(t))
}

// TestCostsOutOfRangeMakeNoFile checks that Add returns an error for such costs.
func TestCostsOutOfRangeMakeNoFile(t *testing.T) {
	s, err := keystore.Open(t.TempDir(), keystore.Config{Params: keystore.Params{Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Unlock([]byte(pass)); err != nil {
		t.Fatal(err)
	}
	_, err = s.Add(fact02(), vendingKey(t, hex02))
	if want := "add vending key: argon2id parameters out of range: {Time:1 MemoryKiB:0 Threads:0}"; err == nil || err.Error() != want {
		t.Errorf("Add: %v; want %s", err, want)
	}
	if _, err := os.Stat(s.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

// TestAnAlteredFileIsToldFromAWrongPassphrase checks that Unlock returns ErrAltered for an altered file and ErrPassphrase for a wrong
// passphrase.
func TestAnAlteredFileIsToldFromAWrongPassphrase(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	add(t, s, fact02(), hex02)
	second := fact02()
	second.SGC = "222222"
	add(t, s, second, hex02)
	b, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	altered := strings.Replace(string(b), `"sgc": "123456"`, `"sgc": "123457"`, 1) // the other entry still opens
	if err := os.WriteFile(s.Path(), []byte(altered), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Unlock([]byte(pass)); err != keystore.ErrAltered {
		t.Errorf("an altered file: %v", err)
	}
	if err := s.Unlock([]byte("wrong")); err != keystore.ErrPassphrase {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if !s.Locked() {
		t.Error("an altered file is in use")
	}
}

// TestAKeyStorePrintsAsMasked tests every form of printing.
func TestAKeyStorePrintsAsMasked(t *testing.T) {
	dir := t.TempDir()
	s, d := unlocked(t, dir), openData(t, dir)
	text, err := d.MarshalText()
	if got := fmt.Sprintf("%v|%+v|%#v|%s|%s", s, s, s, s, s.LogValue()); got != strings.TrimSuffix(strings.Repeat("keystore.Store(masked)|", 5), "|") {
		t.Errorf("a store prints as %s", got)
	}
	if got := fmt.Sprintf("%v|%+v|%#v|%s|%s|%v", d, d, d, text, d.LogValue(), err); got != strings.Repeat("keystore.DataKey(masked)|", 5)+"<nil>" {
		t.Errorf("a data key prints as %s", got)
	}
	if s.LogValue().Kind() != slog.KindString {
		t.Errorf("a store is logged as %s", s.LogValue().Kind())
	}
}

// TestAKeyFileOf4096CharactersIsRead also tests every digit from 0 to F.
func TestAKeyFileOf4096CharactersIsRead(t *testing.T) {
	const digits = "0123456789abcdefABCDEF0123456789abcdef00"
	k, err := keystore.ReadVendingKey(strings.NewReader(digits + strings.Repeat(" ", 4096-len(digits))))
	if err != nil || hex.EncodeToString(k.Reveal()) != strings.ToLower(digits) {
		t.Errorf("%x, %v", k.Reveal(), err)
	}
	for text, want := range map[string]string{
		hex02 + strings.Repeat(" ", 4097-16): "longer than 4096 characters",
		"abababababababa":                    "an odd number of hexadecimal digits (15): one is missing or too many",
		hex02 + "\n\n0":                      "a second line of digits (line 3); a key file holds one key on one line",
		hex02 + "\nab/":                      "a second line of digits (line 2); a key file holds one key on one line",
		"ab/":                                "line 1, character 3 is not a hexadecimal digit",
		"\n9:":                               "line 2, character 2 is not a hexadecimal digit",
		"a@":                                 "line 1, character 2 is not a hexadecimal digit",
		"FG":                                 "line 1, character 2 is not a hexadecimal digit",
		"a`":                                 "line 1, character 2 is not a hexadecimal digit",
		"fg":                                 "line 1, character 2 is not a hexadecimal digit",
		" \n":                                "it is empty",
		"00":                                 "1 bytes; a vending key has 8 (DKGA 02) or 20 (DKGA 04)",
	} {
		k, err := keystore.ReadVendingKey(strings.NewReader(text))
		if err == nil || err.Error() != "not a key file: "+want || len(k.Reveal()) != 0 {
			t.Errorf("%.20q: %v; want %s", text, err, want)
		}
	}
}
