package proof_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/sts"
)

// book is a log in memory with its key.
type book struct {
	t      *testing.T
	key    seal.Key
	origin string
	epoch  int64
	seals  int64
	leaves [][32]byte
	stored map[int64][32]byte
	edge   seal.Edge
}

func newBook(t *testing.T, seed byte) *book {
	t.Helper()
	k, err := seal.NewKey("paywatt-test", rand.NewChaCha8([32]byte{seed}))
	if err != nil {
		t.Fatal(err)
	}
	return &book{t: t, key: k, origin: "paywatt/tenant", epoch: 1, stored: map[int64][32]byte{}}
}

func (b *book) add(leaf [32]byte) {
	for _, n := range b.edge.Append(leaf) {
		b.stored[n.Index] = n.Hash
	}
	b.leaves = append(b.leaves, leaf)
}

// fill adds leaves until the log has n leaves.
func (b *book) fill(n int64, what string) {
	for b.edge.Size() < n {
		b.add(seal.NewLeaf(what).Int(b.edge.Size()).Sum())
	}
}

func (b *book) nodes() seal.Nodes {
	return seal.Nodes{
		Stored: func(i int64) ([32]byte, error) { return b.stored[i], nil },
		Leaves: func(from, to int64) ([][32]byte, error) { return b.leaves[from:to], nil },
	}
}

// head signs the present state of the log.
func (b *book) head() seal.Head {
	b.t.Helper()
	b.seals++
	h := seal.Head{Origin: b.origin, Size: b.edge.Size(), Root: b.edge.Root(), Epoch: b.epoch, Seal: b.seals, At: time.Unix(1_800_000_000+b.seals, 0)}
	note, err := b.key.Sign(h)
	if err != nil {
		b.t.Fatal(err)
	}
	h.Note = note
	return h
}

// file returns the head file of a head, with the proof that the log grew from an older head.
func (b *book) file(h seal.Head, since int64) proof.HeadFile {
	b.t.Helper()
	f := proof.HeadFile{Name: fmt.Sprintf("head%d.txt", h.Size), Note: h.Note, Key: b.key.Public(), Since: since}
	if since > 0 {
		var err error
		if f.Path, err = seal.ProveGrowth(since, h.Size, b.nodes()); err != nil {
			b.t.Fatal(err)
		}
	}
	again, err := proof.ParseHeadFile(f.Name, f.Text())
	if err != nil || again.Text() != f.Text() {
		b.t.Fatalf("a head file does not survive its text: %v\n%s", err, f.Text())
	}
	return again
}

// someReceipt returns a receipt that uses every field of the form.
func someReceipt(t *testing.T) receipt.Receipt {
	t.Helper()
	token, result := sts.ParseToken("58625789986991357486")
	if result != sts.Accept {
		t.Fatal(result)
	}
	left := money.Minor(500)
	r := receipt.Receipt{Title: receipt.TestReceipt, Copy: 2, Reversed: true, Test: true, No: "main-000001/2", Epoch: "2", Fiscal: "F1",
		At:      time.Date(2026, 11, 20, 11, 0, 0, 0, time.FixedZone("EAT", 3*3600)),
		Utility: "Kijiji Power", Address: "Box 1", Contact: "0800", VATNo: "P1", Sale: "vnd_01jd0", ClientRef: `till "3" <1> paper=00`, Vendor: "Shop", Till: "main",
		Operator: "person amina", Customer: "Amina", Account: "acc_1", Place: "Plot 7", Meter: "04140001001",
		STS:        receipt.STS{SGC: "123456", KRN: 1, TI: "01", TT: "02", EA: "07"},
		TariffName: "domestic", Version: 3, Currency: money.Currency{Code: "KES", Exp: 2}, Units: 36_700, Tendered: 10_150, Net: 8675, VATBps: 1500, VAT: 1302,
		CarryIn: 3, CarryOut: 24, Change: 50, Message: "Thank you",
		Tokens: []receipt.Token{{Kind: receipt.KeyChange, Digits: token}, {Kind: receipt.FreeToken, Digits: token, Units: 2000},
			{Kind: receipt.SaleToken, Digits: token, Units: 30_000}, {Kind: receipt.SaleToken, Units: 4700}},
		Steps: []receipt.Step{{Units: 30_000, Rate: 2_500_000, Amount: 7500}, {Units: 4700, Rate: 2_500_000, Amount: 1175}},
		Others: []receipt.Part{{Kind: "fee", Ref: "vend", Amount: 5, VAT: 1},
			{Kind: "debt", Ref: "dbt_1", Label: "Fine", Amount: 140, Left: &left}},
		Levies: []receipt.Part{{Kind: "levy", Ref: "rural", Amount: 7}}}
	if err := r.Price(); err != nil {
		t.Fatal(err)
	}
	return r
}

// sell seals the receipt's sale at the end of the log.
func (b *book) sell(r receipt.Receipt) (row seal.Row, pos int64) {
	row = seal.Row{At: r.At.UnixMicro(), Action: proof.Action, Object: r.Sale, After: proof.PaperMark + receipt.PaperHash(r.Paper()) + " meter=" + r.Meter,
		Rest: seal.NewRest().Text("192.0.2.7").Sum()}
	pos = b.edge.Size()
	b.add(row.Leaf())
	return row, pos
}

// proven returns the receipt with its proof under a head.
func (b *book) proven(r receipt.Receipt, row seal.Row, pos int64, h seal.Head) []byte {
	b.t.Helper()
	path, err := seal.Prove(pos, h.Size, b.nodes())
	if err != nil {
		b.t.Fatal(err)
	}
	d := receipt.Document(r)
	d.Proof = proof.Document(r.Paper(), proof.Sealed{Row: row, Path: path, Head: h.Note})
	out, err := json.Marshal(d)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// sold returns a log of 20 leaves with a sale at position 12, and the receipt with its proof.
func sold(t *testing.T) (*book, receipt.Receipt, []byte, seal.Head) {
	t.Helper()
	b := newBook(t, 1)
	b.fill(12, "before")
	r := someReceipt(t)
	row, pos := b.sell(r)
	b.fill(20, "after")
	h := b.head()
	return b, r, b.proven(r, row, pos, h), h
}

func want(t *testing.T, name string, v proof.Verdict, a proof.Answer, says string) {
	t.Helper()
	if v.Answer != a || !strings.Contains(v.What+v.Try, says) {
		t.Errorf("%s: %s (%s %s; %q), want %s saying %q", name, v.Answer, v.What, v.Try, v.Changed, a, says)
	}
}

func TestAReceiptIsProvenByItselfAndAHead(t *testing.T) {
	b, r, paper, h := sold(t)
	file := b.file(h, 0)
	v := proof.Check(proof.Question{Receipt: paper, Heads: []proof.HeadFile{file}})
	want(t, "with the head", v, proof.Proven, "")
	if v.Pos != 12 || v.Under.Size != 20 || v.KeyFrom != "head20.txt" || v.Key != b.key.Public() || v.Origin != b.origin || v.Receipt.Sale != r.Sale {
		t.Errorf("verdict = %+v", v)
	}
	v = proof.Check(proof.Question{Receipt: paper, Heads: []proof.HeadFile{{Name: "h", Note: h.Note}}, Key: b.key.Public()})
	want(t, "with a pinned key", v, proof.Proven, "")
	if v.KeyFrom != "" {
		t.Errorf("a pinned key is said to come from %q", v.KeyFrom)
	}
	want(t, "pinned, without a head", proof.Check(proof.Question{Receipt: paper, Key: b.key.Public()}), proof.Proven, "")
	if strings.Contains(string(paper), "192.0.2.7") {
		t.Error("the proof shows the address that the request came from")
	}
	// A browser or a tool may have written the file anew, with its members in another order and with other blanks. The receipt is still
	// proven.
	var any map[string]json.RawMessage
	if err := json.Unmarshal(paper, &any); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.MarshalIndent(any, "", "    ")
	if err != nil {
		t.Fatal(err)
	}
	want(t, "written anew", proof.Check(proof.Question{Receipt: sorted, Heads: []proof.HeadFile{file}}), proof.Proven, "")
}

// uncovered are the members of a receipt that the seal does not cover: see proof.Uncovered.
var uncovered = []string{"fiscal_code", "utility", "utility_address", "utility_contact", "vat_no", "vendor", "customer", "address", "sts.tt",
	"tariff", "message"}

// TestEveryChangeOfAReceiptIsFound changes each value of a receipt and of its proof, one at a time.
func TestEveryChangeOfAReceiptIsFound(t *testing.T) {
	b, _, paper, h := sold(t)
	heads := []proof.HeadFile{b.file(h, 0)}
	changes := 0
	each(t, paper, func(at string, changed []byte) {
		changes++
		v := proof.Check(proof.Question{Receipt: changed, Heads: heads})
		switch {
		case slices.Contains(uncovered, at):
			want(t, at, v, proof.Proven, "")
		case strings.HasPrefix(at, "proof."):
			if v.Answer == proof.Proven || v.Answer == proof.Forked {
				t.Errorf("%s was changed: %s", at, v.Answer)
			}
		case v.Answer == proof.BrokenDoc: // without a time, a currency or a number the document cannot be read as a receipt
		case v.Answer != proof.Changed || len(v.Changed) == 0:
			t.Errorf("%s was changed: %s %q", at, v.Answer, v.Changed)
		}
	})
	if changes < 80 {
		t.Errorf("%d values were changed: the test does not see them", changes)
	}
}

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// each makes one change at a time to the document, and calls the function try after each change. A change
// alters, extends or leaves out one value.
func each(t *testing.T, doc []byte, try func(at string, changed []byte)) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var root any
	if err := d.Decode(&root); err != nil {
		t.Fatal(err)
	}
	write := func(at string) { try(at, jsonOf(t, root)) }
	var walk func(at string, v any, set func(any))
	walk = func(at string, v any, set func(any)) {
		switch x := v.(type) {
		case map[string]any:
			for name, was := range x {
				inner := strings.TrimPrefix(at+"."+name, ".")
				walk(inner, was, func(v any) { x[name] = v })
				if inner != "proof" && !slices.Contains(uncovered, inner) && !strings.HasSuffix(inner, ".digits") {
					delete(x, name)
					write(inner + " left out")
					x[name] = was
				}
			}
			if at == "" {
				x["discount_minor"] = 5
				write("discount_minor")
				delete(x, "discount_minor")
			}
		case []any:
			for i, was := range x {
				walk(fmt.Sprintf("%s[%d]", at, i), was, func(v any) { x[i] = v })
			}
			if at != "marks" {
				set(append(slices.Clone(x), x[0]))
				write(at + " longer")
				set(x)
			}
		case json.Number:
			n, err := x.Int64()
			if err != nil {
				t.Fatal(err)
			}
			set(n + 1)
			write(at)
			set(n + 1<<32) // a change above the low 32 bits
			write(at)
			set(x)
		case bool:
			set(!x)
			write(at)
			set(x)
		case string:
			set("1" + x)
			if strings.HasSuffix(at, ".digits") {
				set("0" + x[1:4] + x[4:]) // other digits of a token: the seal does not cover them, because the meter checks them
			}
			if strings.HasPrefix(at, "marks") || strings.HasSuffix(at, ".digits") {
				set(x)
				return
			}
			write(at)
			set(x)
		}
	}
	walk("", root, func(v any) { root = v })
}

func TestWhatChangedIsNamed(t *testing.T) {
	b, _, paper, h := sold(t)
	heads := []proof.HeadFile{b.file(h, 0)}
	for from, c := range map[string]struct{ to, says string }{
		`"tender_minor":10150`:                 {`"tender_minor":10151`, "tender: the receipt says 10151, but 10150 was sealed"},
		`"units_kwh":"36.7"`:                   {`"units_kwh":"39.7"`, "units_kwh"},
		`"rate_micro":2500000`:                 {`"rate_micro":2400000`, `step: the receipt says 30000 2400000 7500, but 30000 2500000 7500 was sealed`},
		`"left_minor":500`:                     {`"left_minor":5`, `other: the receipt says "debt" "dbt_1" "Fine" 140 0 5, but "debt" "dbt_1" "Fine" 140 0 500 was sealed`},
		`"price":"2.50"`:                       {`"price":"2.40"`, "steps[0].price"},
		`"at":"2026-11-20T11:00:00+03:00"`:     {`"at":"2026-11-20T11:00:00Z"`, "at: the receipt says"},
		`"receipt_no":"main-000001/2"`:         {`"receipt_no":"main-000001/3"`, `receipt_no: the receipt says "main-000001/3"`},
		`"kind":"free"`:                        {`"kind":"sale"`, "token: the receipt says"},
		`"marks":["TEST","COPY 2","REVERSED"]`: {`"marks":["COPY 2","REVERSED"]`, "marks"},
	} {
		if !bytes.Contains(paper, []byte(from)) {
			t.Fatalf("the receipt has no %s: %s", from, paper)
		}
		v := proof.Check(proof.Question{Receipt: bytes.Replace(paper, []byte(from), []byte(c.to), 1), Heads: heads})
		if v.Answer != proof.Changed || !strings.Contains(strings.Join(v.Changed, "\n"), c.says) {
			t.Errorf("%s: %s %q, want changed and %q", c.to, v.Answer, v.Changed, c.says)
		}
	}
}

func TestAForgedReceiptIsNotSavedByItsProof(t *testing.T) {
	b, r, paper, h := sold(t)
	heads := []proof.HeadFile{b.file(h, 0)}
	check := func(name string, doc []byte, a proof.Answer, says string) {
		t.Helper()
		want(t, name, proof.Check(proof.Question{Receipt: doc, Heads: heads}), a, says)
	}
	// The receipt, the core in the proof and its hash are changed together, which changes the leaf.
	f := r
	f.Tendered, f.CarryOut = r.Tendered+100, r.CarryOut+100
	row := seal.Row{At: r.At.UnixMicro(), Action: proof.Action, Object: r.Sale, After: proof.PaperMark + receipt.PaperHash(f.Paper()) + " x", Rest: seal.NewRest().Sum()}
	check("everything changed together", b.proven(f, row, 12, h), proof.Changed, "does not lead to its head")
	// The proof is valid, but belongs to another sale.
	other := r
	other.Sale, other.Tendered, other.CarryOut = "vnd_other", r.Tendered+100, r.CarryOut+100
	row2, pos := b.sell(other)
	h2 := b.head()
	heads = []proof.HeadFile{b.file(h2, 0)}
	stolen := bytes.Replace(b.proven(other, row2, pos, h2), []byte(`"vend":"vnd_other"`), []byte(`"vend":"vnd_01jd0"`), 1)
	check("the proof of another sale", stolen, proof.Changed, "The proof is for vnd_other")
	// A sealed row with another action does not prove a sale, because users can cause such rows.
	row3 := row2
	row3.Action = "meter.note"
	pos = b.edge.Size()
	b.add(row3.Leaf())
	h3 := b.head()
	heads = []proof.HeadFile{b.file(h3, 0)}
	check("a row of another kind", b.proven(other, row3, pos, h3), proof.Changed, "")
	heads = []proof.HeadFile{b.file(h, 0)}
	check("a member twice", bytes.Replace(paper, []byte(`"tender_minor"`), []byte(`"tender_minor":999999,"tender_minor"`), 1), proof.BrokenDoc, "twice")
	check("no proof", []byte(`{"at":"2026-11-20T11:00:00Z","currency":"KES"}`), proof.BrokenDoc, "carries no proof")
	check("cut", paper[:len(paper)/2], proof.BrokenDoc, "cannot be read")
	check("nested", []byte(strings.Repeat("[", 100_000)), proof.BrokenDoc, "cannot be read")
}

func TestKeysAndHeadsThatDoNotFit(t *testing.T) {
	b, r, paper, h := sold(t)
	file := b.file(h, 0)
	ask := func(name string, q proof.Question, a proof.Answer, says string) {
		t.Helper()
		want(t, name, proof.Check(q), a, says)
	}
	stranger := newBook(t, 2)
	ask("another key pinned", proof.Question{Receipt: paper, Heads: []proof.HeadFile{file}, Key: stranger.key.Public()}, proof.WrongKey, "not signed with the key")
	ask("no key", proof.Question{Receipt: paper, Heads: []proof.HeadFile{{Name: "h", Note: h.Note}}}, proof.NoKey, "")
	ask("a key that is none", proof.Question{Receipt: paper, Key: "paywatt"}, proof.WrongKey, "not a public key")
	two := file
	two.Key = stranger.key.Public()
	ask("two keys", proof.Question{Receipt: paper, Heads: []proof.HeadFile{file, two}}, proof.WrongKey, "different keys")
	// A stranger makes another log that contains the same sale. The utility's head exposes the forgery.
	stranger.fill(12, "made up")
	row, pos := stranger.sell(r)
	forged := stranger.proven(r, row, pos, stranger.head())
	ask("a log made up", proof.Question{Receipt: forged, Heads: []proof.HeadFile{file}}, proof.WrongKey, "the receipt's proof")
	damaged := file
	damaged.Note = strings.Replace(file.Note, "seal 1", "seal 2", 1)
	ask("a head that was changed", proof.Question{Receipt: paper, Heads: []proof.HeadFile{damaged}}, proof.BrokenDoc, "was changed")
	elsewhere := newBook(t, 1)
	elsewhere.origin = "paywatt/other"
	elsewhere.fill(20, "other tenant")
	ask("another tenant", proof.Question{Receipt: paper, Heads: []proof.HeadFile{elsewhere.file(elsewhere.head(), 0)}}, proof.NotUnder, "different logs")
}

func TestOlderAndNewerHeads(t *testing.T) {
	b := newBook(t, 1)
	b.fill(7, "before")
	old := b.head()
	b.fill(12, "before")
	r := someReceipt(t)
	row, pos := b.sell(r)
	b.fill(20, "after")
	mine := b.head()
	paper := b.proven(r, row, pos, mine)
	b.fill(33, "later")
	late := b.head()
	ask := func(name string, a proof.Answer, says string, files ...proof.HeadFile) {
		t.Helper()
		want(t, name, proof.Check(proof.Question{Receipt: paper, Heads: files}), a, says)
	}
	ask("too old", proof.NotUnder, "too old", b.file(old, 0))
	ask("old and that of the proof, without a proof between them", proof.NotUnder, "--since 7", b.file(old, 0), b.file(mine, 0))
	ask("old, grown into that of the proof", proof.Proven, "", b.file(old, 0), b.file(mine, 7))
	ask("newer", proof.NotUnder, "--head 33", b.file(late, 0))
	ask("newer, grown from that of the proof", proof.Proven, "", b.file(late, 20))
	ask("old into newer only", proof.NotUnder, "", b.file(old, 0), b.file(late, 7))
	ask("all three", proof.Proven, "", b.file(old, 0), b.file(mine, 7), b.file(late, 20))
	if v := proof.Check(proof.Question{Receipt: b.proven(r, row, pos, late), Heads: []proof.HeadFile{b.file(late, 7), b.file(old, 0)}}); v.Answer != proof.Proven || v.Under.Size != 33 {
		t.Errorf("a proof for the newer head: %+v", v)
	}
	heads := func(name string, a proof.Answer, says string, files ...proof.HeadFile) {
		t.Helper()
		want(t, name, proof.Check(proof.Question{Heads: files}), a, says)
	}
	heads("two heads with a proof", proof.Proven, "", b.file(old, 0), b.file(late, 7))
	heads("the same in the other order", proof.Proven, "", b.file(late, 7), b.file(old, 0))
	heads("one twice", proof.Proven, "", b.file(old, 0), b.file(old, 0))
	heads("two heads without", proof.NotUnder, "--since 7", b.file(old, 0), b.file(late, 0))
}

func TestAForkIsAnAlarm(t *testing.T) {
	b, r, paper, h := sold(t)
	// The same key signs another history, once as a log of the same size and once as a larger log.
	fork := newBook(t, 1)
	fork.fill(20, "rewritten")
	same := fork.head()
	want(t, "one size, two roots", proof.Check(proof.Question{Receipt: paper, Heads: []proof.HeadFile{fork.file(same, 0)}}), proof.Forked, "ALARM")
	fork.fill(30, "rewritten")
	larger := fork.head()
	want(t, "a larger log that did not grow from this one",
		proof.Check(proof.Question{Receipt: paper, Heads: []proof.HeadFile{fork.file(larger, 20)}}), proof.Forked, "ALARM")
	want(t, "heads alone", proof.Check(proof.Question{Heads: []proof.HeadFile{b.file(h, 0), fork.file(larger, 20)}}), proof.Forked, "ALARM")
	// A damaged proof of growth looks like a fork, so the advice is to get the file again first.
	b.fill(30, "later")
	broken := b.file(b.head(), 20)
	broken.Path[0][5] ^= 1
	want(t, "a damaged proof", proof.Check(proof.Question{Receipt: paper, Heads: []proof.HeadFile{broken}}), proof.Forked, "get that file again first")
	// After a restore the log continues from the backup. Heads from the lost time contradict the new heads, and the advice explains the
	// contradiction.
	restored := newBook(t, 1)
	restored.epoch = 2
	restored.fill(12, "before")
	restored.fill(20, "another time")
	want(t, "restored", proof.Check(proof.Question{Receipt: paper, Heads: []proof.HeadFile{restored.file(restored.head(), 0)}}), proof.Forked, "restored from a backup")
	_ = r
}

func TestFilesThatAreNoHeads(t *testing.T) {
	b := newBook(t, 1)
	b.fill(5, "x")
	text := b.file(b.head(), 0).Text()
	for name, bad := range map[string]string{
		"empty": "", "words": "hello\n", "unsigned": strings.Split(text, "\u2014")[0], "two heads": text + text,
		"since what": text + "since x\n", "since 0": text + "since 0\n", "path": text + "path x\n", "long": text + strings.Repeat("path AA==\n", 5000),
		"longer path": text + strings.Repeat("path "+base64.StdEncoding.EncodeToString(make([]byte, 32))+"\n", 200),
	} {
		if _, err := proof.ParseHeadFile(name, bad); err == nil {
			t.Errorf("%s was taken for a head", name)
		}
	}
	if h, err := proof.ParseHeadFile("mail", strings.ReplaceAll("\n"+text+"\n\n", "\n", "\r\n")); err != nil || h.Text() != text {
		t.Errorf("a head that came by mail: %v", err)
	}
	for _, from := range []string{b.key.Public(), text, "secret line\n" + b.key.Public() + "\n"} {
		if got, ok := proof.PublicKey(from); !ok || got != b.key.Public() {
			t.Errorf("the key in %q is %q", from, got)
		}
	}
	if _, ok := proof.PublicKey("paywatt-x+00000000+AAAA"); ok {
		t.Error("a key with the wrong hash was taken")
	}
}

// FuzzCheck: Check answers for any files, and never answers Proven for a receipt that was not sealed.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"proof":{"form":"paywatt proof 1"}}`), "paywatt/x\n1\n\n\u2014 a b\nkey x\n", int64(3))
	f.Fuzz(func(t *testing.T, doc []byte, head string, size int64) {
		h, err := proof.ParseHeadFile("fuzz", head)
		if err != nil {
			return
		}
		if v := proof.Check(proof.Question{Receipt: doc, Heads: []proof.HeadFile{h}}); v.Answer == proof.Proven || v.Answer == "" {
			t.Errorf("answer %q", v.Answer)
		}
	})
}

// TestPathsOfAnyLengthAreRefusedQuietly checks that no sizes or positions in a file can crash the check.
func TestPathsOfAnyLengthAreRefusedQuietly(t *testing.T) {
	_, _, paper, _ := sold(t)
	b := newBook(t, 1)
	for _, pos := range []int64{-1, 0, 20, 1<<48 - 1, 1 << 62, 1<<63 - 1} {
		for n := range 110 {
			size := []int64{1 << 48, 1<<48 + 1, 1 << 62, 1<<63 - 1}[n%4]
			h := seal.Head{Origin: b.origin, Size: size, Root: [32]byte(tlog.Hash{1}), Epoch: 1, Seal: 1, At: time.Unix(0, 0)}
			note, err := b.key.Sign(h)
			if err != nil {
				t.Fatal(err)
			}
			var doc map[string]any
			if err := json.Unmarshal(paper, &doc); err != nil {
				t.Fatal(err)
			}
			p := doc["proof"].(map[string]any)
			p["head"], p["pos"] = note, pos
			p["path"] = slices.Repeat([]string{base64.StdEncoding.EncodeToString(make([]byte, 32))}, n)
			bad, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			if v := proof.Check(proof.Question{Receipt: bad, Key: b.key.Public()}); v.Answer != proof.Changed && v.Answer != proof.BrokenDoc {
				t.Errorf("position %d, %d hashes: %s", pos, n, v.Answer)
			}
		}
	}
}

// TestReceiptsUnderAnOlderSealKey: whoever trusts the key before or after a rotation can prove receipts and heads of both times. A head that only
// the old key has signed proves nothing to somebody who trusts the new key, because a thief of the old key can sign it.
func TestReceiptsUnderAnOlderSealKey(t *testing.T) {
	b := newBook(t, 1)
	b.fill(12, "before")
	r := someReceipt(t)
	row, pos := b.sell(r)
	b.fill(20, "after")
	first := b.head()
	mine, paper := b.file(first, 0), b.proven(r, row, pos, first)
	b.fill(25, "later")
	old, last := b.key, b.head()
	b.key = newBook(t, 2).key
	over, err := seal.SignHandOver(old, b.key, last)
	if err != nil {
		t.Fatal(err)
	}
	b.fill(30, "under the new key")
	newest := b.head()
	since := b.file(newest, first.Size)
	since.HandOvers = []seal.HandOver{over}
	later := b.proven(r, row, pos, newest)
	if again, err := proof.ParseHeadFile("x", since.Text()); err != nil || again.Text() != since.Text() || len(again.HandOvers) != 1 {
		t.Fatalf("a head file with a hand-over does not survive its text: %v", err)
	}
	alone := since
	alone.Since, alone.Path = 0, nil
	only := proof.HeadFile{Name: "over", Note: last.Note, Key: b.key.Public(), HandOvers: since.HandOvers}
	ask := func(name string, a proof.Answer, says string, q proof.Question) {
		t.Helper()
		want(t, name, proof.Check(q), a, says)
	}
	for _, key := range []string{"", old.Public(), b.key.Public()} {
		ask("old receipt, new head "+key, proof.Proven, "", proof.Question{Receipt: paper, Heads: []proof.HeadFile{since}, Key: key})
		ask("both heads "+key, proof.Proven, "", proof.Question{Heads: []proof.HeadFile{mine, since}, Key: key})
		ask("new receipt, both heads "+key, proof.Proven, "", proof.Question{Receipt: later, Heads: []proof.HeadFile{mine, since}, Key: key})
	}
	ask("old receipt, old key", proof.Proven, "", proof.Question{Receipt: paper, Heads: []proof.HeadFile{mine}})
	ask("new receipt, old key", proof.WrongKey, "report head", proof.Question{Receipt: later, Key: old.Public()})
	ask("new receipt, old key, hand-over", proof.Proven, "", proof.Question{Receipt: later, Heads: []proof.HeadFile{alone}, Key: old.Public()})
	ask("the head of the hand-over", proof.Proven, "", proof.Question{Receipt: b.proven(r, row, pos, last), Heads: []proof.HeadFile{only}})
	if v := proof.Check(proof.Question{Receipt: later, Heads: []proof.HeadFile{alone}, Key: old.Public()}); v.NewKey != b.key.Public() || v.Key != old.Public() {
		t.Errorf("the verdict names the keys %s and %s", v.Key, v.NewKey)
	}

	// A thief of the old key makes a log of his own.
	forged := newBook(t, 1)
	forged.fill(12, "made up")
	row, pos = forged.sell(r)
	early := forged.head()
	carried := forged.file(early, 0)
	carried.HandOvers, carried.Key = since.HandOvers, b.key.Public()
	ask("a forged head from before", proof.NotUnder, "report head", proof.Question{Receipt: forged.proven(r, row, pos, early), Heads: []proof.HeadFile{carried}, Key: b.key.Public()})
	ask("the same beside a true head", proof.NotUnder, "", proof.Question{Receipt: forged.proven(r, row, pos, early), Heads: []proof.HeadFile{carried, alone}, Key: b.key.Public()})
	forged.fill(25, "made up")
	same := forged.head()
	ask("another head of the hand-over's size", proof.Forked, "ALARM", proof.Question{Receipt: forged.proven(r, row, pos, same), Heads: []proof.HeadFile{alone}, Key: old.Public()})
	forged.fill(40, "made up")
	after := forged.head()
	ask("a head from afterwards", proof.WrongKey, "after that key had handed over", proof.Question{Receipt: forged.proven(r, row, pos, after), Heads: []proof.HeadFile{alone}, Key: old.Public()})
	thief, err := seal.SignHandOver(old, newBook(t, 3).key, last)
	if err != nil {
		t.Fatal(err)
	}
	carried.HandOvers = []seal.HandOver{thief}
	ask("a second hand-over", proof.Forked, "ALARM", proof.Question{Receipt: later, Heads: []proof.HeadFile{alone, carried}, Key: old.Public()})
	if _, err := proof.ParseHeadFile("x", strings.Replace(since.Text(), "handover ", "handover A", 1)); err == nil {
		t.Error("a damaged hand-over was read")
	}
}
