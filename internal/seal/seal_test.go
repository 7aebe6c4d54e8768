package seal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/paywatt/paywatt/internal/seal"
)

func leaf(n int) [32]byte { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))) }

// memory is a log in memory, with the data that the store would hold.
type memory struct {
	leaves [][32]byte
	stored map[int64][32]byte
}

func (m *memory) nodes() seal.Nodes {
	return seal.Nodes{
		Stored: func(index int64) ([32]byte, error) {
			h, ok := m.stored[index]
			if !ok {
				return h, fmt.Errorf("hash %d is missing", index)
			}
			return h, nil
		},
		Leaves: func(from, to int64) ([][32]byte, error) {
			return m.leaves[min(from, int64(len(m.leaves))):min(to, int64(len(m.leaves)))], nil
		},
	}
}

// reference returns the same log, built by the functions of x/mod.
func reference(t *testing.T, n int) tlog.HashReaderFunc {
	t.Helper()
	var all []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, k := range indexes {
			out[i] = all[k]
		}
		return out, nil
	})
	for i := range n {
		l := leaf(i)
		hashes, err := tlog.StoredHashes(int64(i), l[:], read)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, hashes...)
	}
	return read
}

func TestTheLogIsThatOfRFC6962(t *testing.T) {
	const most = 70
	m := &memory{stored: map[int64][32]byte{}}
	var e seal.Edge
	want := reference(t, most)
	if got := e.Root(); got != sha256.Sum256(nil) {
		t.Errorf("root of the empty log = %x, want the hash of nothing", got)
	}
	for n := 1; n <= most; n++ {
		l := leaf(n - 1)
		for _, node := range e.Append(l) {
			m.stored[node.Index] = node.Hash
		}
		m.leaves = append(m.leaves, l)
		root, err := tlog.TreeHash(int64(n), want)
		if err != nil {
			t.Fatal(err)
		}
		if e.Root() != [32]byte(root) || e.Size() != int64(n) {
			t.Errorf("after %d leaves: root %x of %d, want %x", n, e.Root(), e.Size(), root)
		}
		loaded, err := seal.LoadEdge(int64(n), m.nodes())
		if err != nil || loaded.Root() != e.Root() {
			t.Errorf("the edge loaded at %d leaves has root %x, %v; want %x", n, loaded.Root(), err, e.Root())
		}
	}
	if len(m.stored) >= most/2 {
		t.Errorf("%d hashes are stored for %d leaves, want a quarter", len(m.stored), most)
	}
}

func TestAProofHoldsForItsLeafAndNoOther(t *testing.T) {
	const size = 41
	m := &memory{stored: map[int64][32]byte{}}
	var e seal.Edge
	for n := range size {
		for _, node := range e.Append(leaf(n)) {
			m.stored[node.Index] = node.Hash
		}
		m.leaves = append(m.leaves, leaf(n))
	}
	for n := range size {
		p, err := seal.Prove(int64(n), size, m.nodes())
		if err != nil {
			t.Fatal(err)
		}
		if !p.Check(leaf(n), e.Root()) {
			t.Errorf("the proof of leaf %d does not hold", n)
		}
		if p.Check(leaf(n+1), e.Root()) || p.Check(leaf(n), leaf(n)) {
			t.Errorf("the proof of leaf %d holds for another leaf or root", n)
		}
	}
	if _, err := seal.Prove(size, size, m.nodes()); err == nil {
		t.Error("a leaf beyond the log was proved")
	}
	m.leaves = m.leaves[:3]
	if _, err := seal.LoadEdge(size, m.nodes()); err == nil {
		t.Error("an edge was loaded from a log that has lost leaves")
	}
}

func TestLeavesTellFieldsApart(t *testing.T) {
	seen := map[[32]byte]string{}
	for name, l := range map[string]*seal.Leaf{
		"ab":        seal.NewLeaf("v").Text("ab"),
		"a, b":      seal.NewLeaf("v").Text("a").Text("b"),
		"b, a":      seal.NewLeaf("v").Text("b").Text("a"),
		"ab, empty": seal.NewLeaf("v").Text("ab").Text(""),
		"other":     seal.NewLeaf("w").Text("ab"),
		"number":    seal.NewLeaf("v").Int(0x6162),
		"negative":  seal.NewLeaf("v").Int(-1),
	} {
		if other, twice := seen[l.Sum()]; twice {
			t.Errorf("%s and %s have one leaf", name, other)
		}
		seen[l.Sum()] = name
	}
	// The form is fixed: the version comes first, then the length and bytes of each field.
	want := sha256.Sum256([]byte("v\x00\x00\x00\x02ab\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x05"))
	if got := seal.NewLeaf("v").Text("ab").Int(5).Sum(); got != want {
		t.Errorf("leaf = %x, want %x", got, want)
	}
}

// seeded returns a source of random bytes that is the same in every run.
func seeded(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func key(t *testing.T, seed byte) seal.Key {
	t.Helper()
	k, err := seal.NewKey("paywatt-test", seeded(seed))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// strayBit sets a bit that base64 decoding ignores, in the last digit before "=" and a line feed. It
// returns the changed end of the text.
func strayBit(end string) string { return string(end[0]+1) + end[1:] }

func TestAHeadIsReadOnlyWithItsKeyAndUnchanged(t *testing.T) {
	k, other := key(t, 1), key(t, 2)
	h := seal.Head{Origin: "paywatt/06gz", Size: 12, Root: leaf(1), Epoch: 2, Seal: 5, At: time.Date(2026, 11, 20, 8, 0, 0, 123000, time.UTC)}
	signed, err := k.Sign(h)
	if err != nil {
		t.Fatal(err)
	}
	got, err := seal.ParseHead(signed, k.Public())
	if err != nil {
		t.Fatal(err)
	}
	h.Note = signed
	if got != h {
		t.Errorf("got %+v, want %+v", got, h)
	}
	for name, bad := range map[string]string{
		"size":                      strings.Replace(signed, "\n12\n", "\n13\n", 1),
		"epoch":                     strings.Replace(signed, "epoch 2", "epoch 3", 1),
		"origin":                    strings.Replace(signed, "06gz", "06gy", 1),
		"truncated":                 signed[:len(signed)-10],
		"empty":                     "",
		"stray bit":                 strings.Replace(signed, signed[len(signed)-3:], strayBit(signed[len(signed)-3:]), 1),
		"signed twice by one key":   signed + signed[strings.LastIndex(signed, "—"):],
		"signed by another as well": signed + "— other AAAAAAAAAAAA\n",
	} {
		if _, err := seal.ParseHead(bad, k.Public()); !errors.Is(err, seal.ErrHead) {
			t.Errorf("changed %s: %v, want %v", name, err, seal.ErrHead)
		}
	}
	if _, err := seal.ParseHead(signed, other.Public()); !errors.Is(err, seal.ErrHead) {
		t.Errorf("another key: %v, want %v", err, seal.ErrHead)
	}
	if _, err := seal.ParseHead(signed, "no key"); !errors.Is(err, seal.ErrKey) {
		t.Errorf("no key: %v, want %v", err, seal.ErrKey)
	}
}

func TestAKeyHasNoPrintedForm(t *testing.T) {
	k := key(t, 1)
	private, _, _ := strings.Cut(k.Reveal(), "\n")
	secret := private[strings.LastIndexByte(private, '+')+1:]
	text, err := json.Marshal(map[string]any{"k": k})
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k), fmt.Sprintf("%s %d", k, k), string(text)} {
		if strings.Contains(printed, secret) {
			t.Errorf("the key is printed: %s", printed)
		}
	}
	again, err := seal.ParseKey(k.Reveal())
	if err != nil || again.Public() != k.Public() {
		t.Errorf("the revealed key comes back as %s, %v", again, err)
	}
	for name, bad := range map[string]string{"empty": "", "public only": k.Public(), "no public line": private,
		"another's public line": private + "\n" + key(t, 2).Public(), "cut": private[:40] + "\n" + k.Public()} {
		_, err := seal.ParseKey(bad)
		if !errors.Is(err, seal.ErrKey) || strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%s: %v, want %v without the key", name, err, seal.ErrKey)
		}
	}
	if _, err := seal.NewKey("paywatt", bytes.NewReader(nil)); err == nil {
		t.Error("a key was made without randomness")
	}
}

func FuzzParseHead(f *testing.F) {
	k, err := seal.NewKey("paywatt-test", seeded(1))
	if err != nil {
		f.Fatal(err)
	}
	only := seal.Head{Origin: "o", At: time.Unix(1, 0).UTC()}
	signed, err := k.Sign(only)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := seal.ParseHead(text, k.Public())
		if h.Note = ""; err == nil && h != only {
			t.Errorf("a head that was never signed was read: %+v", h)
		}
	})
}

// chained returns three keys, and the hand-overs from the first to the second and from the second to the third, of one log.
func chained(t *testing.T) (keys [3]seal.Key, over [2]seal.HandOver) {
	t.Helper()
	for n := range keys {
		keys[n] = key(t, byte(n+1))
	}
	for n := range over {
		var err error
		at := seal.Head{Origin: "paywatt/a", Size: int64(10 * (n + 1)), Root: leaf(n), Epoch: 1, Seal: int64(n + 5), At: time.Unix(1, 0).UTC()}
		if over[n], err = seal.SignHandOver(keys[n], keys[n+1], at); err != nil {
			t.Fatal(err)
		}
	}
	return keys, over
}

func TestAHandOverNeedsBothSignatures(t *testing.T) {
	keys, over := chained(t)
	good := over[0].Note
	if got, err := seal.ParseHandOver(good); err != nil || got != over[0] {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := seal.ParseHandOverLine(over[0].Line()); err != nil || got != over[0] {
		t.Fatalf("as a line: %+v, %v", got, err)
	}
	text, sigs, _ := strings.Cut(good, "\n\n")
	first, second, _ := strings.Cut(sigs, "\n")
	thief := key(t, 9)
	stolen, err := seal.SignHandOver(thief, keys[1], over[0].Head) // in which the thief's signature is right
	if err != nil {
		t.Fatal(err)
	}
	_, thiefs, _ := strings.Cut(stolen.Note, "\n\n")
	own, _, _ := strings.Cut(thiefs, "\n")
	for name, bad := range map[string]string{
		"only the old key":             text + "\n\n" + first + "\n",
		"only the new key":             text + "\n\n" + second,
		"one key twice":                text + "\n\n" + first + "\n" + first + "\n",
		"a head":                       strings.Join(strings.SplitN(text, "\n", 7)[:6], "\n") + "\n\n" + sigs,
		"another size":                 strings.Replace(good, "\n10\n", "\n11\n", 1),
		"another old key in the text":  strings.Replace(good, "from "+keys[0].Public(), "from "+thief.Public(), 1),
		"another old key, which signs": strings.Replace(text, "from "+keys[0].Public(), "from "+thief.Public(), 1) + "\n\n" + own + "\n" + second,
		"another new key":              strings.Replace(good, "next "+keys[1].Public(), "next "+thief.Public(), 1),
		"one more signature":           good + own + "\n",
		"empty":                        "",
	} {
		if _, err := seal.ParseHandOver(bad); !errors.Is(err, seal.ErrHead) {
			t.Errorf("%s: %v, want %v", name, err, seal.ErrHead)
		}
	}
}

func TestAChainAcceptsAnOldKeyOnlyUpToItsHandOver(t *testing.T) {
	keys, over := chained(t)
	for _, known := range keys {
		c, err := seal.NewChain(known.Public(), over[1], over[0], over[1])
		if err != nil || c.Public != keys[2].Public() || c.Age(keys[0].Public()) != 2 || len(c.HandOvers("paywatt/a")) != 2 || c.HandOvers("")[0] != over[0] {
			t.Fatalf("%+v, %v", c, err)
		}
		for _, x := range []struct {
			key   int
			head  seal.Head
			wants error
		}{
			{0, seal.Head{Origin: "paywatt/a", Size: 10, Epoch: 1}, nil},
			{0, seal.Head{Origin: "paywatt/a", Size: 11, Epoch: 1}, seal.ErrHandedOver},
			{0, seal.Head{Origin: "paywatt/a", Size: 3, Epoch: 2}, seal.ErrHandedOver},
			{0, seal.Head{Origin: "paywatt/b", Size: 3, Epoch: 1}, seal.ErrSigner},
			{1, seal.Head{Origin: "paywatt/a", Size: 20, Epoch: 1}, nil},
			{1, seal.Head{Origin: "paywatt/a", Size: 21, Epoch: 1}, seal.ErrHandedOver},
			{2, seal.Head{Origin: "paywatt/a", Size: 5000, Epoch: 3}, nil},
		} {
			x.head.At = time.Unix(2, 0).UTC()
			note, err := keys[x.key].Sign(x.head)
			if err != nil {
				t.Fatal(err)
			}
			got, signer, err := c.Head(note)
			if !errors.Is(err, x.wants) || err == nil && (got.Size != x.head.Size || signer != keys[x.key].Public()) {
				t.Errorf("key %d, %+v: %v, want %v", x.key, x.head, err, x.wants)
			}
			if _, _, err := c.Head(strings.Replace(note, "epoch ", "epoch 1", 1)); !errors.Is(err, seal.ErrHead) {
				t.Errorf("key %d, a changed head: %v", x.key, err)
			}
		}
	}
	other, err := seal.SignHandOver(keys[0], key(t, 9), over[0].Head)
	if err != nil {
		t.Fatal(err)
	}
	again := over[0].Head
	again.Size++
	twice, err := seal.SignHandOver(keys[0], keys[1], again)
	if err != nil {
		t.Fatal(err)
	}
	back, err := seal.SignHandOver(keys[2], keys[0], over[1].Head)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]seal.HandOver{"two next keys": other, "two states of one log": twice, "a ring": back} {
		if _, err := seal.NewChain(keys[0].Public(), over[0], over[1], bad); !errors.Is(err, seal.ErrChain) {
			t.Errorf("%s: %v, want %v", name, err, seal.ErrChain)
		}
	}
	if c, err := seal.NewChain(keys[1].Public(), over[1]); err != nil || c.Age(keys[0].Public()) >= 0 || c.Public != keys[2].Public() {
		t.Errorf("a part of the chain: %+v, %v", c, err)
	}
}

func TestAKeyFileHasItsHandOvers(t *testing.T) {
	keys, over := chained(t)
	c, err := seal.NewChain(keys[2].Public(), over[:]...)
	if err != nil {
		t.Fatal(err)
	}
	text := keys[2].RevealFile(c)
	k, got, err := seal.ParseKeyFile(text)
	if err != nil || k.Public() != keys[2].Public() || k.RevealFile(got) != text {
		t.Fatalf("%v\n%s", err, text)
	}
	if k, got, err := seal.ParseKeyFile(keys[0].Reveal()); err != nil || k.Public() != keys[0].Public() || got.Public != k.Public() || len(got.HandOvers("")) != 0 {
		t.Fatalf("a key that follows no other: %+v, %v", got, err)
	}
	for name, bad := range map[string]string{
		"empty": "", "one line": strings.SplitN(text, "\n", 2)[0], "a word": text + "word\n", "cut": text[:len(text)-40],
		"hand-overs of another key": keys[0].Reveal() + over[1].Line() + "\n",
		"it has handed over":        keys[1].Reveal() + over[1].Line() + "\n",
	} {
		if _, _, err := seal.ParseKeyFile(bad); !errors.Is(err, seal.ErrKey) {
			t.Errorf("%s: %v, want %v", name, err, seal.ErrKey)
		}
	}
}
